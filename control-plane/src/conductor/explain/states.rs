//! What it means to be in a state: one sentence for each of the thirty.

use ferric_model::state::ProvisionState as S;

pub(super) fn meaning(state: S) -> &'static str {
    match state {
        S::Enroll => "it is known, and nothing was asked of its machine yet.",
        S::Verifying => "the conductor finds out whether it can manage the machine by its BMC.",
        S::Manageable => {
            "its BMC answers, and it is kept out of the pool for whatever is to be done first."
        }
        S::Available => "it is clean and can be deployed.",
        S::Active => "it is deployed, and its instance is in use.",
        S::Error => "taking its instance down has failed; nothing is done by itself.",
        S::Rescue => "the rescue ramdisk runs on it in place of its instance.",
        S::Deploying => "the conductor does the next step of a deploy.",
        S::DeployWait => "a deploy goes on when its machine answers.",
        S::DeployFailed => "a deploy has failed; what is on its disk cannot be relied on.",
        S::DeployHold => "a deploy is held where it was told to stop.",
        S::Cleaning => "the conductor does the next step of a cleaning.",
        S::CleanWait => "a cleaning goes on when its machine answers.",
        S::CleanFailed => "a cleaning has failed; its disks may still hold somebody's data.",
        S::CleanHold => "a cleaning is held where it was told to stop.",
        S::Deleting => "its instance is being taken down; cleaning follows.",
        S::Inspecting => "the conductor does the next step of an inspection.",
        S::InspectWait => "an inspection goes on when its machine answers.",
        S::InspectFailed => "an inspection has failed; what is known of the machine may be old.",
        S::Adopting => "it is taken over with the instance that it runs.",
        S::AdoptFailed => {
            "taking it over with its instance has failed; the instance was not touched."
        }
        S::Rescuing => "the conductor does the next step towards the rescue ramdisk.",
        S::RescueWait => "a rescue goes on when its machine answers.",
        S::RescueFailed => {
            "a rescue has failed; the instance does not run, and its disk was not touched."
        }
        S::Unrescuing => "the conductor brings its instance back.",
        S::UnrescueFailed => "bringing its instance back has failed; its disk was not touched.",
        S::Servicing => "the conductor does the next step of a service on a deployed machine.",
        S::ServiceWait => "a service goes on when its machine answers.",
        S::ServiceFailed => "a service has failed; the instance may not run.",
        S::ServiceHold => "a service is held where it was told to stop.",
    }
}
