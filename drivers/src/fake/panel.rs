//! The lights of a fake machine: Ironic's fake machines have the same, but cannot switch them.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::FakeMachine;
use crate::{BmcError, Component, Indicator, IndicatorState, Indicators, Switchable};

/// What each light does, by its name and component.
pub(super) type Lights = BTreeMap<String, IndicatorState>;

/// Both are lit on a machine that is unpacked.
pub(super) fn lights() -> Lights {
    let lit = |light: &Indicator| (key(light.component, &light.name), IndicatorState::On);
    all().iter().map(lit).collect()
}

fn all() -> [Indicator; 2] {
    use IndicatorState::{Blinking, Off, On};
    [
        Indicator {
            component: Component::Chassis,
            name: "led-0".to_owned(),
            switchable: Switchable::No,
            states: vec![Off, On],
        },
        Indicator {
            component: Component::System,
            name: "led".to_owned(),
            switchable: Switchable::Yes,
            states: vec![Blinking, Off, On],
        },
    ]
}

fn key(component: Component, name: &str) -> String {
    format!("{name}@{}", component.name())
}

impl FakeMachine {
    fn light(&self, component: Component, name: &str) -> Result<Indicator, BmcError> {
        let found = all()
            .into_iter()
            .find(|light| light.component == component && light.name == name);
        found.ok_or_else(|| BmcError::NotOffered {
            address: self.address(),
            wanted: format!("the indicator '{}'", key(component, name)),
            offered: lights().into_keys().collect(),
        })
    }
}

#[async_trait]
impl Indicators for FakeMachine {
    async fn list(&self) -> Result<Vec<Indicator>, BmcError> {
        self.request("reading indicators").await?;
        Ok(all().into())
    }

    async fn get(&self, component: Component, name: &str) -> Result<IndicatorState, BmcError> {
        self.request("reading an indicator").await?;
        self.light(component, name)?;
        let lights = self.look()?.lights;
        let state = lights.get(&key(component, name)).copied();
        Ok(state.unwrap_or(IndicatorState::Unknown))
    }

    async fn set(
        &self,
        component: Component,
        name: &str,
        state: IndicatorState,
    ) -> Result<(), BmcError> {
        self.request("switching an indicator").await?;
        let light = self.light(component, name)?;
        if light.switchable == Switchable::No || !light.states.contains(&state) {
            let offered = match light.switchable {
                Switchable::Yes => light.states.iter().map(|state| state.name()).collect(),
                Switchable::No => vec!["to read it"],
            };
            return Err(BmcError::NotOffered {
                address: self.address(),
                wanted: format!(
                    "to switch the indicator '{}' to {}",
                    key(component, name),
                    state.name()
                ),
                offered: offered.into_iter().map(str::to_owned).collect(),
            });
        }
        self.light_up(key(component, name), state)?;
        self.answer().await;
        Ok(())
    }
}
