//! Which of the boot plane's files the machine of a node may want now. Whoever reaches the provisioning listener can
//! name a node and its image, so neither kernel, ramdisk nor image is given out any longer than that. Pure.

use ferric_model::node::{NetworkBoot, Node};
use ferric_model::run::Activity;
use ferric_model::step::StepId;

/// Kernel and ramdisk: as long as the boot script says so.
pub(super) fn ramdisk(node: &Node) -> bool {
    node.network_boot == NetworkBoot::Ramdisk
}

/// The image: as long as it is to be written, or written anew.
pub(super) fn image(node: &Node) -> bool {
    let Some(run) = &node.run else { return false };
    let deploys = matches!(run.activity, Activity::Deploy | Activity::Rebuild);
    let write = StepId::new("deploy", "write_image");
    let mut done = run.steps.iter().take(run.index);
    deploys && run.failure.is_none() && done.all(|step| step.id != write)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use ferric_model::run::Run;
    use serde_json::json;
    use uuid::Uuid;

    /// A run that writes an image in its second step of three, and is at one of them.
    pub(in crate::boot) fn run(activity: &str, index: usize) -> Run {
        let step = |name: &str| {
            json!({
                "interface": "deploy", "step": name, "priority": 1, "args": {}, "by": "agent", "abortable": true,
                "recovery": "run_again",
            })
        };
        let steps = ["deploy", "write_image", "prepare_instance_boot"].map(step);
        let run = json!({
            "id": Uuid::nil(), "activity": activity, "goal": "active", "started_at": jiff::Timestamp::UNIX_EPOCH,
            "steps": steps, "index": index, "phase": "ready", "wait": null, "agent_steps_known": false,
            "agent_step_version": null, "notes": {},
        });
        serde_json::from_value(run).unwrap()
    }

    #[test]
    fn an_image_is_wanted_until_it_is_written() {
        let mut node = Node::new(NodeId(Uuid::nil()), "redfish", jiff::Timestamp::UNIX_EPOCH);
        assert!(!image(&node), "nothing is under way");
        for (activity, index, expected) in [
            ("deploy", 0, true),
            ("deploy", 1, true),
            ("deploy", 2, false),
            ("rebuild", 1, true),
            ("clean", 1, false),
            ("rescue", 1, false),
        ] {
            node.run = Some(run(activity, index));
            assert_eq!(image(&node), expected, "{activity} {index}");
        }
        let failed = Some("it failed".to_owned());
        node.run = Some(Run {
            failure: failed,
            ..run("deploy", 0)
        });
        assert!(!image(&node), "only clearing up is left");
    }
}
