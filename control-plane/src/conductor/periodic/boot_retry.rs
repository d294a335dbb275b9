//! Boots a machine again that was to boot the ramdisk and never asked for anything to boot: firmware that forgot its boot
//! device, a switch that was not ready yet. Off unless `boot_retry_timeout_s` is set.

use super::{Access, Declaration, Limit, NodePeriodic, Visit, Visited};
use crate::conductor::Conductor;
use crate::conductor::environment::between;
use crate::conductor::messages::BOOT_REQUESTED_AT;
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::steps::{StepError, chain, wanted_mode};
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_drivers::{BootDevice, Hardware, Persistence, PowerAction};
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_model::run::{Run, StepPhase};
use ferric_store::FieldValue;
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;

/// The note of a run: when its machine was booted again last.
const RETRIED_AT: &str = "boot_retried_at";

pub(super) struct BootRetry {
    timeout: Duration,
}

impl BootRetry {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            timeout: seconds(settings.conductor.boot_retry_timeout_s),
        }
    }
}

#[async_trait]
impl NodePeriodic for BootRetry {
    fn declaration(&self, settings: &Settings) -> Declaration {
        let conductor = &settings.conductor;
        let boots = ["agent_boot", "inspection_data"];
        let boots = boots.map(|kind| FieldValue::Text(kind.to_owned())).to_vec();
        Declaration {
            enabled: !self.timeout.is_zero(),
            filters: vec![
                ("waits_for", boots),
                ("maintenance", vec![FieldValue::Bool(false)]),
            ],
            // Work that was asked for comes first.
            limit: Limit::Of(Conductor::free_turns),
            access: Access::Exclusive,
            ..Declaration::new(
                "booting silent machines again",
                seconds(conductor.boot_retry_check_interval_s),
                conductor.periodic_concurrency,
            )
        }
    }

    fn wants(&self, node: &Node, now: Timestamp) -> bool {
        let Some(run) = node.run.as_ref() else {
            return false;
        };
        let heard = node.agent.as_ref().is_some_and(|agent| agent.lookups > 0);
        let Some(since) = booted_at(run).filter(|_| !heard && run.wait.is_some()) else {
            return false;
        };
        let asked = noted(run, BOOT_REQUESTED_AT).is_some_and(|asked| asked >= since);
        !asked && between(since, now) >= self.timeout
    }

    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let Some(mut task) = visit.lock().await? else {
            return Ok(Visited::Nothing);
        };
        let outcome = match visit.conductor.hardware(&task.node) {
            Ok(hardware) => {
                let node = task.node.clone();
                task.during(boot_again(&node, &hardware)).await?
            }
            Err(error) => Err(error),
        };
        note(&mut task, outcome).await?;
        visit.conductor.hand_over(task);
        Ok(Visited::Acted)
    }
}

async fn boot_again(node: &Node, hardware: &Hardware) -> Result<(), StepError> {
    if let Some(management) = &hardware.management {
        let mode = wanted_mode(node);
        let set = management.set_boot_device(BootDevice::Pxe, Persistence::Once, mode);
        set.await
            .map_err(StepError::bmc("setting the boot device to the network"))?;
    }
    let set = hardware.power.set(PowerAction::Reboot, None);
    set.await
        .map_err(StepError::bmc("booting the machine again"))
}

/// Done or not, the machine is given a whole time-out again.
async fn note(task: &mut NodeTask, outcome: Result<(), StepError>) -> Result<(), TaskError> {
    let at = task.conductor().now();
    let booted = outcome.is_ok();
    let what = match outcome {
        Ok(()) => What::Note {
            text: "the machine never asked for a boot script: it was set to network boot and booted again"
                .to_owned(),
        },
        Err(error) => What::BmcError {
            error: chain(&error),
        },
    };
    let change = task.change().event(what).with(|node| {
        if booted {
            node.agent = None;
        }
        if let Some(run) = &mut node.run {
            run.notes.insert(RETRIED_AT.to_owned(), json!(at));
        }
    });
    task.save(change).await
}

/// When the machine was switched on last.
fn booted_at(run: &Run) -> Option<Timestamp> {
    let StepPhase::Started { at, .. } = run.phase else {
        return None;
    };
    Some(noted(run, RETRIED_AT).map_or(at, |retried| retried.max(at)))
}

fn noted(run: &Run, name: &str) -> Option<Timestamp> {
    run.notes.get(name)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;
    use ferric_drivers::PowerState;
    use ferric_model::state::ProvisionState;
    use ferric_model::verb::Verb;

    /// A machine that was told to boot the ramdisk for a deploy, and does not.
    async fn silent_lab(timeout_s: u64) -> Lab {
        let mut lab = Lab::new();
        let mut settings = Settings::clone(&lab.settings);
        settings.conductor.boot_retry_timeout_s = timeout_s;
        lab.settings = std::sync::Arc::new(settings);
        lab.start(None).await;
        lab.enroll_available().await;
        lab.machine.state.lock().stuck = true;
        lab.ask(Verb::Deploy).await;
        lab.wait_until("the wait", Duration::from_secs(60), |node| {
            node.provision_state == ProvisionState::DeployWait
        })
        .await;
        lab
    }

    async fn after(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_asks_for_nothing_is_booted_again_and_again() {
        let lab = silent_lab(300).await;
        let network = Some(BootDevice::Pxe);
        after(280).await;
        assert_eq!(lab.machine.bmc.boots(), [network]);
        after(120).await;
        assert_eq!(lab.machine.bmc.boots(), [network, network]);
        after(400).await;
        assert_eq!(lab.machine.bmc.boots(), [network; 3]);
        assert_eq!(lab.machine.bmc.power(), PowerState::On);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_asks_or_that_nobody_wants_booted_again_is_left_alone() {
        let lab = silent_lab(300).await;
        lab.machine.ask_for_boot_script();
        after(600).await;
        assert_eq!(lab.machine.bmc.boots().len(), 1);
        let off = silent_lab(0).await;
        after(1000).await;
        assert_eq!(off.machine.bmc.boots().len(), 1);
    }
}
