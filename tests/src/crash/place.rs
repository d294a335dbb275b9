//! Where a deploy stood at a moment: by its timeline until then, and by what its machine had noticed.

use super::journal::{Place, Run};
use ferric_tests::played::deploy::{Deploy, at};
use ferric_tests::played::trace::Seen;
use jiff::Timestamp;
use serde_json::Value;

/// A moment, and when the BMC had been told something last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    bmc_changed: Option<Timestamp>,
}

impl Moment {
    /// As this machine's BMC has it. A later change would hide it, so it is taken at once.
    pub(crate) fn of(deploy: &Deploy, at: Timestamp) -> Self {
        Self {
            at,
            bmc_changed: deploy.machine.bmc.last_change(),
        }
    }

    /// Where the deploy stood, by the events until then.
    pub(crate) fn place(self, deploy: &Deploy, events: &[Value], steps: &[String]) -> Place {
        let until = events
            .iter()
            .take_while(|event| at(event).is_some_and(|at| at <= self.at));
        let run = Run::of(until);
        let has_effect = run
            .open
            .as_ref()
            .is_some_and(|open| self.has_effect(deploy, &open.step, open.since));
        run.place(steps, has_effect)
    }

    /// Whether the world noticed the step in this time.
    fn has_effect(self, deploy: &Deploy, step: &str, since: Timestamp) -> bool {
        let traces = &deploy.traces;
        let seen = |seen: Seen| traces.has(&deploy.name, &seen, since, self.at);
        let command = |name: &str| seen(Seen::Command(name.to_owned()));
        let by_bmc = || {
            let change = self.bmc_changed;
            change.is_some_and(|change| (since..=self.at).contains(&change))
        };
        match step {
            "deploy.check_image" => seen(Seen::Image),
            "agent.get_steps" => command("deploy.get_deploy_steps"),
            "deploy.write_image" => command("deploy.execute_deploy_step"),
            "deploy.prepare_instance_boot" => command("image.install_bootloader") || by_bmc(),
            "deploy.tear_down_agent" => command("standby.power_off") || by_bmc(),
            _ => by_bmc(),
        }
    }
}
