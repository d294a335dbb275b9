//! The last failure, with what can be done about it. Many sentences of errors say so themselves; the table is for those
//! that cannot know.

use super::{Failure, Situation};
use ferric_model::event::{TimelineEvent, What};

/// A part of an error's sentence, and the remedy. The first that fits counts.
const REMEDIES: &[(&str, &str)] = &[
    (
        "aborted by request",
        "Nothing is wrong: somebody asked it to stop. Ask again when it may go on.",
    ),
    (
        "was switched off by request",
        "Nothing is wrong: somebody switched the machine off. Ask again when it may run.",
    ),
    (
        "refused the user name or password",
        "Correct the user name and the password of the BMC in driver_info, then ask again.",
    ),
    (
        "(403:",
        "Give the user in driver_info the privileges of an operator on the BMC, then ask again.",
    ),
    (
        "verifying the certificate of BMC",
        "Set redfish_verify_ca in driver_info to the path of the BMC's CA certificate, or to false, then ask again.",
    ),
    (
        "is not in state",
        "The BMC took the power action, and the machine did not follow: look at the machine, and reset its BMC if \
         it shows an old state.",
    ),
    (
        "accepted boot setting",
        "The BMC forgets what it boots from: update its firmware, or choose another boot mode for the node.",
    ),
    (
        "root device hints",
        "Correct root_device in properties or instance_info: the disks that there are stand in the message.",
    ),
    (
        "no disk has at least 4 GiB",
        "Add a disk, or choose a smaller one by root_device in properties.",
    ),
    (
        "smaller image",
        "Choose a larger disk by root_device in properties, or a smaller image.",
    ),
    (
        "checksum",
        "Compare the checksum in instance_info with that of the image at its source, correct either, then ask again.",
    ),
    (
        "its server answers",
        "Correct instance_info.image_source, or what its server has at that place, then ask again.",
    ),
    (
        "asking for the image",
        "See that the image's server is up and can be reached from the conductor and from the machine, then ask again.",
    ),
    (
        "lost power",
        "Look at the machine's power supply and at the BMC's log, then ask again.",
    ),
    (
        "did not call back",
        "Look at the machine's console: it must boot from the network, get its ramdisk, and reach the API on the \
         provisioning network. Its boot requests stand on the timeline.",
    ),
    (
        "sent no inspection data",
        "Look at the machine's console: it must boot from the network, get its ramdisk, and reach the API on the \
         provisioning network. Its boot requests stand on the timeline.",
    ),
    (
        "was not heard of for too long",
        "Look at the machine's console and at its network: the agent has stopped answering.",
    ),
    (
        "the BMC did not finish",
        "Look at the BMC's own list of jobs; reset the BMC if the job hangs there, then ask again.",
    ),
    (
        "booted again",
        "Look at the machine's console: it restarts by itself, as after a crash of its kernel or by a watchdog.",
    ),
    (
        "has died in the middle of it",
        "A conductor ended during a step that must not be done twice: look at the machine, then ask again.",
    ),
    (
        "BMC",
        "See that the BMC is up and can be reached from the conductor, and that driver_info is right, then ask again.",
    ),
];

const ANY: &str = "Remove the cause, then ask again; the timeline tells what went before.";

pub(super) fn last(situation: &Situation<'_>) -> Option<Failure> {
    let (node, events) = (situation.node, situation.failures);
    let of_run = node.run.as_ref().and_then(|run| run.failure.clone());
    let stored = of_run.or_else(|| node.last_error.clone());
    // What was cleared since (a new run, a BMC that answers again) is told by the timeline only.
    let message = stored.or_else(|| told(events.last()?).2)?;
    let (at, step, _) = cause(&message, events).map_or((None, None, None), told);
    let remedy = remedy(&message).to_owned();
    Some(Failure {
        at,
        step,
        message,
        remedy,
    })
}

/// The event that this sentence comes from: that of the step before those of what came of it, such as a change of state.
fn cause<'e>(sentence: &str, events: &'e [TimelineEvent]) -> Option<&'e TimelineEvent> {
    let is_its_step = |event: &&TimelineEvent| match &event.what {
        What::StepFailed { step, error } => sentence.contains(&format!("{step}: {error}")),
        _ => false,
    };
    let says = |event: &&TimelineEvent| {
        let error = told(event).2;
        error.is_some_and(|error| sentence.contains(&error))
    };
    let step = events.iter().rfind(is_its_step);
    step.or_else(|| events.iter().rfind(says))
}

type Told = (Option<jiff::Timestamp>, Option<String>, Option<String>);

fn told(event: &TimelineEvent) -> Told {
    let (step, error) = match &event.what {
        What::StepFailed { step, error } => (Some(step.to_string()), Some(error.clone())),
        What::BmcError { error } => (None, Some(error.clone())),
        What::StateChanged { error, .. } => (None, error.clone()),
        _ => (None, None),
    };
    (error.is_some().then_some(event.at), step, error)
}

fn remedy(message: &str) -> &'static str {
    let fits = |(part, _): &&(&str, &str)| message.contains(part);
    REMEDIES.iter().find(fits).map_or(ANY, |(_, remedy)| remedy)
}

/// Whether the event tells of a failure.
pub(super) fn is_failure(event: &TimelineEvent) -> bool {
    told(event).2.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_are_those_of_the_cause() {
        for (message, part) in [
            (
                "Deploying failed in power.off: switching the machine off: BMC h did not answer GET /x within 30 s",
                "can be reached",
            ),
            (
                "BMC h refused the user name or password (401): check",
                "password of the BMC",
            ),
            (
                "Deploying failed in deploy.write_image: no disk matches the root device hints (size > 5 GiB)",
                "root_device",
            ),
            ("Cleaning failed in deploy.erase_devices: odd", "timeline"),
            (
                "timed out: the ramdisk did not call back within 1800 s; look at",
                "console",
            ),
        ] {
            assert!(
                remedy(message).contains(part),
                "{message}: {}",
                remedy(message)
            );
        }
    }
}
