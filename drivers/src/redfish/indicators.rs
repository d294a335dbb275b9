//! Indicator lights of a system, its chassis and its drives: `IndicatorLED`, or `LocationIndicatorActive` where a BMC
//! has only the newer one.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::System;
use super::patch::{is_about_body, patch};
use super::resource::Resource;
use super::sensors::links;
use crate::{BmcError, Component, Indicator, IndicatorState, Indicators, Switchable};

const LED: &str = "IndicatorLED";
const LOCATION: &str = "LocationIndicatorActive";

/// Redfish's names of the states that can be set.
const STATES: [(IndicatorState, &str); 3] = [
    (IndicatorState::Blinking, "Blinking"),
    (IndicatorState::Off, "Off"),
    (IndicatorState::On, "Lit"),
];

/// Where lights are looked for.
const COMPONENTS: [Component; 3] = [Component::Chassis, Component::System, Component::Disk];

#[async_trait]
impl Indicators for System {
    async fn list(&self) -> Result<Vec<Indicator>, BmcError> {
        let system = System::read(self).await?;
        let mut found = Vec::new();
        for component in COMPONENTS {
            for (name, part) in self.parts(&system, component).await? {
                let Some(states) = states(&part) else {
                    continue;
                };
                found.push(Indicator {
                    component,
                    name,
                    switchable: Switchable::Yes,
                    states,
                });
            }
        }
        Ok(found)
    }

    async fn get(&self, component: Component, name: &str) -> Result<IndicatorState, BmcError> {
        let part = self.lit_part(component, name).await?;
        Ok(shown(&part).unwrap_or(IndicatorState::Unknown))
    }

    async fn set(
        &self,
        component: Component,
        name: &str,
        state: IndicatorState,
    ) -> Result<(), BmcError> {
        let part = self.lit_part(component, name).await?;
        let offered = states(&part).unwrap_or_default();
        if !offered.contains(&state) {
            let wanted = format!(
                "to switch the indicator '{name}@{}' to {}",
                component.name(),
                state.name()
            );
            let offered = offered.iter().map(|state| state.name().to_owned());
            return Err(self.no_such(wanted, offered.collect()));
        }
        let mut outcome = Ok(());
        for body in bodies(&part, state) {
            outcome = patch(&self.bmc, &part, &body).await;
            match &outcome {
                Err(error) if is_about_body(error) => {}
                _ => break,
            }
        }
        outcome
    }
}

impl System {
    /// The resources of a component that may have a light, by the names that tell them apart.
    async fn parts(
        &self,
        system: &Resource,
        component: Component,
    ) -> Result<Vec<(String, Resource)>, BmcError> {
        match component {
            Component::System => Ok(vec![(name(system), system.clone())]),
            Component::Chassis => {
                let mut found = Vec::new();
                for path in links(system.value("/Links/Chassis")) {
                    if let Some(chassis) = self.if_there(&path).await? {
                        found.push((name(&chassis), chassis));
                    }
                }
                Ok(found)
            }
            Component::Disk => self.drives(system).await,
            Component::Power | Component::Nic => Ok(Vec::new()),
        }
    }

    /// A drive's own name is its own at its controller only.
    async fn drives(&self, system: &Resource) -> Result<Vec<(String, Resource)>, BmcError> {
        let mut found = Vec::new();
        for controller in self.storage_controllers(system).await? {
            for path in links(controller.value("/Drives")) {
                let Some(drive) = self.if_there(&path).await? else {
                    continue;
                };
                found.push((format!("{}:{}", id(&controller), id(&drive)), drive));
            }
        }
        Ok(found)
    }

    /// The resource with this light.
    async fn lit_part(&self, component: Component, wanted: &str) -> Result<Resource, BmcError> {
        let system = System::read(self).await?;
        let mut offered = Vec::new();
        for (name, part) in self.parts(&system, component).await? {
            if states(&part).is_none() {
                continue;
            }
            if name == wanted {
                return Ok(part);
            }
            offered.push(format!("{name}@{}", component.name()));
        }
        let wanted = format!("the indicator '{wanted}@{}'", component.name());
        Err(self.no_such(wanted, offered))
    }

    fn no_such(&self, wanted: String, mut offered: Vec<String>) -> BmcError {
        if offered.is_empty() {
            offered.push("none of this component".to_owned());
        }
        BmcError::NotOffered {
            address: self.bmc.name().to_owned(),
            wanted,
            offered,
        }
    }
}

/// Machines and chassis are known by their UUID where they have one.
fn name(resource: &Resource) -> String {
    resource.text("/UUID").unwrap_or(id(resource)).to_owned()
}

fn id(resource: &Resource) -> &str {
    let last = resource.path.trim_end_matches('/').rsplit('/').next();
    resource.text("/Id").or(last).unwrap_or(&resource.path)
}

/// What the light can do; `None`: there is none.
fn states(part: &Resource) -> Option<Vec<IndicatorState>> {
    if part.text("/IndicatorLED").is_some() {
        return Some(STATES.map(|(state, _)| state).into());
    }
    let active = part.value("/LocationIndicatorActive");
    active.map(|_| vec![IndicatorState::Off, IndicatorState::On])
}

fn shown(part: &Resource) -> Option<IndicatorState> {
    if let Some(led) = part.text("/IndicatorLED") {
        let mut known = STATES.iter();
        return known.find_map(|(state, name)| (*name == led).then_some(*state));
    }
    let active = part.value("/LocationIndicatorActive")?.as_bool()?;
    Some(match active {
        true => IndicatorState::On,
        false => IndicatorState::Off,
    })
}

/// The ways to say it: by the property that the BMC shows, and by the newer one where it shows both.
fn bodies(part: &Resource, wanted: IndicatorState) -> Vec<Value> {
    let mut bodies = Vec::new();
    let led = STATES.iter().find(|(state, _)| *state == wanted);
    if let Some((_, led)) = led.filter(|_| part.text("/IndicatorLED").is_some()) {
        bodies.push(json!({LED: led}));
    }
    if part.value("/LocationIndicatorActive").is_some() {
        bodies.push(json!({LOCATION: wanted != IndicatorState::Off}));
    }
    bodies
}
