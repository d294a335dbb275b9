//! What is asked of a machine's BMC while the client waits: the interrupt button and the lights.

use super::Conductor;
use super::forward::{MachineCall, NodeAnswer, NodeCall};
use super::power::bmc;
use super::requests::{ConsoleShown, IndicatorShown, RequestError};
use ferric_drivers::{
    BootMode, Component, Indicator, IndicatorState, Indicators, SecureBootState, Switchable,
};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use std::sync::Arc;

impl Conductor {
    async fn ask_machine(
        &self,
        node: NodeId,
        call: MachineCall,
    ) -> Result<NodeAnswer, RequestError> {
        self.at_owner(NodeCall::Machine { node, call }).await
    }

    /// Starts the change of the firmware interface that the machine boots by (202).
    pub async fn set_boot_mode(&self, id: NodeId, mode: BootMode) -> Result<(), RequestError> {
        let call = MachineCall::SetBootMode { mode };
        self.ask_machine(id, call).await?.nothing()
    }

    /// Starts switching secure boot on or off (202).
    pub async fn set_secure_boot(
        &self,
        id: NodeId,
        state: SecureBootState,
    ) -> Result<(), RequestError> {
        let call = MachineCall::SetSecureBoot { on: state.is_on() };
        self.ask_machine(id, call).await?.nothing()
    }

    /// Where the node's console is.
    pub async fn console(&self, id: NodeId) -> Result<ConsoleShown, RequestError> {
        self.ask_machine(id, MachineCall::Console).await?.console()
    }

    /// Starts opening the console (202).
    pub async fn open_console(&self, id: NodeId) -> Result<(), RequestError> {
        let call = MachineCall::SetConsole { open: true };
        self.ask_machine(id, call).await?.nothing()
    }

    /// Starts closing it (202).
    pub async fn close_console(&self, id: NodeId) -> Result<(), RequestError> {
        let call = MachineCall::SetConsole { open: false };
        self.ask_machine(id, call).await?.nothing()
    }

    /// Sends the machine a non-maskable interrupt.
    pub async fn inject_nmi(&self, id: NodeId) -> Result<(), RequestError> {
        self.ask_machine(id, MachineCall::InjectNmi)
            .await?
            .nothing()
    }

    /// The lights of the machine.
    pub async fn indicators(&self, id: NodeId) -> Result<Vec<IndicatorShown>, RequestError> {
        let answer = self.ask_machine(id, MachineCall::Indicators).await?;
        answer.indicators()
    }

    /// What a light does, by its name in Ironic's API.
    pub async fn indicator(
        &self,
        id: NodeId,
        component: Component,
        name: String,
    ) -> Result<String, RequestError> {
        let call = MachineCall::Indicator { component, name };
        self.ask_machine(id, call).await?.indicator()
    }

    /// Switches a light.
    pub async fn set_indicator(
        &self,
        id: NodeId,
        component: Component,
        name: String,
        state: IndicatorState,
    ) -> Result<(), RequestError> {
        let call = MachineCall::SetIndicator {
            component,
            name,
            state,
        };
        self.ask_machine(id, call).await?.nothing()
    }

    pub(super) async fn do_inject_nmi(&self, id: NodeId) -> Result<(), RequestError> {
        let mut task = self.task(id, "sending an NMI").await?;
        let management = self.hardware_for(&task.node)?.management;
        let management = management.ok_or_else(|| no_way(&task.node, "NMI"))?;
        let sent = task.during(management.inject_nmi()).await?;
        bmc(sent)
    }

    pub(super) async fn do_indicators(
        &self,
        id: NodeId,
    ) -> Result<Vec<IndicatorShown>, RequestError> {
        let node = self.node(id).await?;
        let found = bmc(self.lights(&node)?.list().await)?;
        Ok(found.into_iter().map(shown).collect())
    }

    pub(super) async fn do_indicator(
        &self,
        id: NodeId,
        component: Component,
        name: &str,
    ) -> Result<String, RequestError> {
        let node = self.node(id).await?;
        let state = bmc(self.lights(&node)?.get(component, name).await)?;
        Ok(state.name().to_owned())
    }

    pub(super) async fn do_set_indicator(
        &self,
        id: NodeId,
        component: Component,
        name: &str,
        state: IndicatorState,
    ) -> Result<(), RequestError> {
        let mut task = self.task(id, "switching an indicator").await?;
        let lights = self.lights(&task.node)?;
        let set = task.during(lights.set(component, name, state)).await?;
        bmc(set)
    }

    fn lights(&self, node: &Node) -> Result<Arc<dyn Indicators>, RequestError> {
        let indicators = self.hardware_for(node)?.indicators;
        indicators.ok_or_else(|| no_way(node, "indicators"))
    }
}

/// The refusal of what the node's management interface does not have.
pub(super) fn no_way(node: &Node, what: &str) -> RequestError {
    RequestError::Invalid(format!(
        "The management interface {} of node {} knows no {what}: choose another management_interface",
        node.interface("management").unwrap_or("none"),
        node.uuid
    ))
}

fn shown(light: Indicator) -> IndicatorShown {
    let states = light.states.iter().map(|state| state.name().to_owned());
    IndicatorShown {
        component: light.component.name().to_owned(),
        states: states.collect(),
        readonly: light.switchable == Switchable::No,
        name: light.name,
    }
}
