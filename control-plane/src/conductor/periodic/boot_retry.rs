//! Boots a machine again that was to boot the ramdisk and never asked for anything to boot: firmware that forgot its boot
//! device, a switch that was not ready yet. Off unless `boot_retry_timeout_s` is set.

use super::{Access, Declaration, Limit, NodePeriodic, Visit, Visited};
use crate::conductor::Conductor;
use crate::conductor::environment::between;
use crate::conductor::flows;
use crate::conductor::messages::BOOT_REQUESTED_AT;
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::steps::{StepError, chain, persistence, wanted_mode};
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_drivers::{BootDevice, Hardware, Persistence, PowerAction};
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_model::node::agent_session::Token;
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
        // A machine that a step had restarted before the wait may have asked before it too.
        let restarted = run.step().and_then(flows::restarted_at);
        let boots = restarted.map_or(since, |at| at.min(since));
        let asked = noted(run, BOOT_REQUESTED_AT).is_some_and(|asked| asked >= boots);
        !asked && between(since, now) >= self.timeout
    }

    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let Some(mut task) = visit.lock().await? else {
            return Ok(Visited::Nothing);
        };
        let (node, mut before) = (task.node.clone(), None);
        let outcome = match visit.conductor.hardware(&node) {
            Ok(hardware) => match task.during(to_network(&node, &hardware)).await? {
                Ok(()) => {
                    // Whoever has looked up by now is of the boot that ends.
                    before = token(&task.node).cloned();
                    task.during(boot_again(&hardware)).await?
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        note(&mut task, outcome, before).await?;
        visit.conductor.hand_over(task);
        Ok(Visited::Acted)
    }
}

async fn to_network(node: &Node, hardware: &Hardware) -> Result<(), StepError> {
    if let Some(management) = &hardware.management {
        let mode = wanted_mode(node);
        let persistence = persistence(node, Persistence::Once);
        let set = management.set_boot_device(BootDevice::Pxe, persistence, mode);
        set.await
            .map_err(StepError::bmc("setting the boot device to the network"))?;
    }
    Ok(())
}

async fn boot_again(hardware: &Hardware) -> Result<(), StepError> {
    let set = hardware.power.set(PowerAction::Reboot, None);
    set.await
        .map_err(StepError::bmc("booting the machine again"))
}

/// Done or not, the machine is given a whole time-out again.
async fn note(
    task: &mut NodeTask,
    outcome: Result<(), StepError>,
    before: Option<Token>,
) -> Result<(), TaskError> {
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
        // The ramdisk that comes up may have looked up by now, and is not meant.
        if booted && token(node) == before.as_ref() {
            node.agent = None;
        }
        if let Some(run) = &mut node.run {
            run.notes.insert(RETRIED_AT.to_owned(), json!(at));
        }
    });
    task.save(change).await
}

fn token(node: &Node) -> Option<&Token> {
    node.agent.as_ref()?.token.as_ref()
}

/// When the machine was given its time to boot last.
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
    use ferric_model::run::{Activity, Wait, WaitReason};
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
    async fn its_boot_device_is_set_for_as_many_boots_as_the_operator_says() {
        let lab = silent_lab(300).await;
        lab.edit(|node| {
            let always = json!("Always");
            node.driver_info
                .insert("force_persistent_boot_device".to_owned(), always);
        })
        .await;
        after(400).await;
        assert_eq!(lab.machine.bmc.boots().len(), 2);
        let set = lab.machine.bmc.boot();
        let expected = (Some(BootDevice::Pxe), Some(Persistence::Continuous));
        assert_eq!((set.device, set.persistence), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_ramdisk_that_looks_up_before_the_bmc_has_answered_is_gone_on_with() {
        let lab = silent_lab(300).await;
        // Its first boot is stuck by now, and stays so.
        after(10).await;
        lab.machine.state.lock().stuck = false;
        lab.machine.bmc.set_answer_delay(Duration::from_secs(40));
        lab.wait_for_within(ProvisionState::Active, Duration::from_secs(1500))
            .await;
        // The one that was stuck, the one after it, and the instance.
        assert_eq!(lab.machine.bmc.boots().len(), 3);
    }

    /// It asked while its BMC was still at work, before anybody waited for the ramdisk.
    #[test]
    fn one_that_a_step_had_restarted_may_have_asked_before_the_wait() {
        let at = |seconds| Timestamp::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut node = Node::new(
            ferric_model::ids::NodeId(uuid::Uuid::nil()),
            "redfish",
            at(0),
        );
        let steps = vec![flows::await_ramdisk(at(1000))];
        let id = ferric_model::ids::RunId(uuid::Uuid::nil());
        let mut run = flows::run(id, Activity::ManualClean, steps, at(0));
        run.phase = StepPhase::Started {
            attempt: 1,
            at: at(1100),
        };
        run.wait = Some(Wait {
            reason: WaitReason::AgentBoot,
            since: at(1100),
            deadline: None,
        });
        let job = BootRetry {
            timeout: Duration::from_secs(300),
        };
        for (asked, again) in [(900, true), (1050, false), (1150, false)] {
            run.notes
                .insert(BOOT_REQUESTED_AT.to_owned(), json!(at(asked)));
            node.run = Some(run.clone());
            assert_eq!(job.wants(&node, at(1500)), again, "asked at {asked}");
            assert!(!job.wants(&node, at(1399)), "asked at {asked}");
        }
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
