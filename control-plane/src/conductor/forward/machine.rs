//! What is asked of a node's machine beside power and boot device, as a call, and done by the owner of the node.

use super::answer::NodeAnswer as Answer;
use super::named;
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_drivers::{BootMode, Component, IndicatorState, SecureBootState};
use ferric_model::ids::NodeId;
use serde::{Deserialize, Serialize};

/// One thing that is asked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "ask", content = "of", rename_all = "snake_case")]
pub(crate) enum MachineCall {
    SetBootMode {
        #[serde(with = "named")]
        mode: BootMode,
    },
    SetSecureBoot {
        on: bool,
    },
    Console,
    SetConsole {
        open: bool,
    },
    InjectNmi,
    Indicators,
    Indicator {
        #[serde(with = "named")]
        component: Component,
        name: String,
    },
    SetIndicator {
        #[serde(with = "named")]
        component: Component,
        name: String,
        #[serde(with = "named")]
        state: IndicatorState,
    },
}

impl MachineCall {
    pub(super) fn is_change(&self) -> bool {
        !matches!(
            self,
            Self::Console | Self::Indicators | Self::Indicator { .. }
        )
    }
}

impl Conductor {
    pub(super) async fn do_machine_call(
        &self,
        node: NodeId,
        call: MachineCall,
    ) -> Result<Answer, RequestError> {
        match call {
            MachineCall::SetBootMode { mode } => self.do_set_boot_mode(node, mode).await?,
            MachineCall::SetSecureBoot { on } => {
                let state = SecureBootState::of(on);
                self.do_set_secure_boot(node, state).await?;
            }
            MachineCall::Console => return self.do_console(node).await.map(Answer::Console),
            MachineCall::SetConsole { open } => self.do_set_console(node, open).await?,
            MachineCall::InjectNmi => self.do_inject_nmi(node).await?,
            MachineCall::Indicators => {
                return self.do_indicators(node).await.map(Answer::Indicators);
            }
            MachineCall::Indicator { component, name } => {
                let state = self.do_indicator(node, component, &name).await;
                return state.map(Answer::Indicator);
            }
            MachineCall::SetIndicator {
                component,
                name,
                state,
            } => self.do_set_indicator(node, component, &name, state).await?,
        }
        Ok(Answer::Nothing)
    }
}
