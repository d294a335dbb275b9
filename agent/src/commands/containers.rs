//! The steps that are containers, and a system that is installed from one.

use std::path::PathBuf;
use std::sync::Arc;

use ferric_agent_protocol::image::ImageInfo;
use ferric_agent_protocol::node::Node;
use ferric_agent_protocol::steps::{StepKind, StepSpec};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::argsinfo::{self, Need};
use super::failure::{ErrorKind, Failure};
use super::image::{CONFIG_DRIVE, clear, patience, tell_of};
use super::image_failure::not_chosen;
use super::run::{Outcome, Params, Run, arguments, on_thread};
use super::steps::error_kind;
use crate::agent::Agent;
use crate::containers::{
    self, Bootc, BootcError, Container, ContainerError, GENERIC_STEPS, Origin, Places, Rules,
    Runner, RunnerProgram, Wanted,
};
use crate::disk::config_drive::ConfigDrive;
use crate::disk::{self, SharedFileSystems};
use crate::image::{FormatPolicy, Md5Policy, WriteImageRequest};
use crate::managers::check_steps;

/// The steps, where this is the agent's own machine and has a program for containers. Priorities of the file are for
/// cleaning; the other kinds have the steps for whoever asks for them.
pub(super) async fn steps(
    run: &Run,
    kind: StepKind,
    taken: Vec<&'static str>,
) -> Result<Vec<StepSpec>, Failure> {
    if run.agent.host.permits_containers().is_err() {
        return Ok(Vec::new());
    }
    let rules = rules(&run.agent);
    let read = move || {
        if !containers::is_available() {
            return Ok(Vec::new());
        }
        let path = rules.steps_file;
        let steps = specs(kind, containers::read_steps(&path, &taken)?);
        match check_steps(kind, &steps) {
            Ok(()) => Ok(steps),
            Err(reason) => Err(ContainerError::Steps { path, reason }),
        }
    };
    let steps = on_thread(read).await?;
    steps.map_err(|error| failed(kind, &error))
}

fn specs(kind: StepKind, steps: Vec<containers::ContainerStep>) -> Vec<StepSpec> {
    let generic = GENERIC_STEPS.map(|name| StepSpec {
        step: name.to_owned(),
        interface: "deploy".to_owned(),
        priority: 0,
        reboot_requested: false,
        abortable: true,
        argsinfo: Some(generic_argsinfo()),
        rest: Map::new(),
    });
    let of_file = steps.into_iter().map(|step| StepSpec {
        step: step.name,
        interface: step.interface,
        priority: if kind == StepKind::Clean {
            step.priority
        } else {
            0
        },
        reboot_requested: step.reboot_requested,
        abortable: step.abortable,
        argsinfo: None,
        rest: Map::new(),
    });
    generic.into_iter().chain(of_file).collect()
}

/// Runs a step that is a container; `None` if there is none with this name.
pub(super) async fn execute(
    run: &Run,
    kind: StepKind,
    (name, params): (&str, Params),
    taken: Vec<&'static str>,
) -> Result<Option<Value>, Failure> {
    let rules = rules(&run.agent);
    let permit = run.agent.host.permits_containers();
    let of_file = if GENERIC_STEPS.contains(&name) {
        None
    } else if permit.is_err() {
        // The path may be a conductor's, and errors tell what is in the file.
        return Ok(None);
    } else {
        let path = rules.steps_file.clone();
        let steps = on_thread(move || containers::read_steps(&path, &taken)).await?;
        let steps = steps.map_err(|error| failed(kind, &error))?;
        let step = steps.into_iter().find(|step| step.name == name);
        let Some(step) = step else {
            return Ok(None);
        };
        Some(step.wanted())
    };
    let permit = permit.map_err(|error| Failure::caused_by(error_kind(kind), &error))?;
    let (wanted, origin) = match of_file {
        Some(wanted) => (wanted, Origin::Ramdisk),
        None => (arguments::<Wanted>(params)?, Origin::Arguments),
    };
    let container = Container::permitted(&wanted, origin, &rules);
    let container = container.map_err(|error| failed(kind, &error))?;
    if kind == StepKind::Clean {
        // What it does to the disks is not known here.
        run.agent.forget_written();
    }
    let runner = RunnerProgram::new(rules.runner, &run.agent.stop_writing);
    let ran = on_thread(move || container.run(&permit, &runner)).await?;
    ran.map_err(|error| failed(kind, &error))?;
    Ok(Some(Value::Null))
}

fn rules(agent: &Agent) -> Rules {
    let said = agent.session.config.agent_containers.as_ref();
    agent.settings.containers.clone().overridden(said)
}

fn failed(kind: StepKind, error: &ContainerError) -> Failure {
    let kind = match error {
        ContainerError::NotPermitted(_) => ErrorKind::ContainerNotPermitted,
        ContainerError::Image(_) => ErrorKind::InvalidParams,
        _ => error_kind(kind),
    };
    Failure::caused_by(kind, error)
}

/// The parameters of the command, and of the step, which has another name for the secret and the node for the rest.
#[derive(Deserialize)]
pub(super) struct Installation {
    image_source: String,
    #[serde(default)]
    instance_info: Option<Map<String, Value>>,
    #[serde(default, alias = "oci_pull_secret")]
    pull_secret: Option<String>,
    #[serde(default)]
    configdrive: Option<String>,
}

pub(super) fn argsinfo() -> Map<String, Value> {
    argsinfo::argsinfo(&[
        (
            "image_source",
            Need::Required,
            "The container image, oci://registry/name:tag.",
        ),
        ("configdrive", Need::Optional, CONFIG_DRIVE),
        (
            "oci_pull_secret",
            Need::Optional,
            "What the registry wants, in base64.",
        ),
    ])
}

fn generic_argsinfo() -> Map<String, Value> {
    argsinfo::argsinfo(&[
        ("container_url", Need::Required, "Container image URL"),
        ("pull_options", Need::Optional, "Pull options"),
        ("run_options", Need::Optional, "Run options"),
    ])
}

/// `execute_bootc_install`, as a command and as a step.
pub(super) async fn install(run: &Run, params: Params, node: Node) -> Outcome {
    let wanted: Installation = arguments(params)?;
    let agent = Arc::clone(&run.agent);
    let progress = run.progress.clone();
    on_thread(move || {
        progress.phase("installing a container image");
        install_on_thread(&agent, &wanted, &node)
    })
    .await?
}

fn install_on_thread(agent: &Agent, wanted: &Installation, node: &Node) -> Outcome {
    let failed = |error: &dyn std::error::Error| Failure::caused_by(ErrorKind::ImageWrite, error);
    if agent.settings.containers.bootc_disabled {
        let details =
            "disable_bootc_deploy is set for this agent, so that it installs no container images";
        return Err(Failure::new(ErrorKind::CommandExecution, details));
    }
    let permit = agent
        .host
        .permits_containers()
        .map_err(|error| failed(&error))?;
    let info = wanted.instance_info.as_ref().unwrap_or(&node.instance_info);
    let bootc = Bootc::new(&wanted.image_source, wanted.pull_secret.as_deref());
    let bootc = bootc.map_err(|error| failed(&error))?.with(info);
    let disk = agent.root_device(node);
    let disk = disk.map_err(|error| not_chosen(&error, ErrorKind::ImageWrite))?;
    let path = PathBuf::from(&disk.name);
    let device = agent
        .host
        .permits_device(&path)
        .map_err(|error| failed(&error))?;
    let shared = disk::shared_file_systems(node).map_err(|error| failed(&error))?;
    disk::check_shared_on(&device, shared).map_err(|error| failed(&error))?;
    let drive = config_drive(agent, wanted).map_err(|error| failed(&error))?;
    agent.forget_written();
    tell_of(&disk, "a disk is given to a container image");
    let podman = RunnerProgram::new(Runner::Podman, &agent.stop_writing);
    let installed = bootc.install(&permit, &device, &podman, &Places::default());
    let is_touched = installed
        .as_ref()
        .err()
        .is_none_or(BootcError::has_touched_the_disk);
    let installed = installed.and_then(|()| containers::complete(&device, drive.as_ref()));
    installed.map_err(|error| {
        if is_touched {
            clear(agent, &path);
        }
        let kind = match &error {
            BootcError::Pull { .. } | BootcError::NoBootc(_) => ErrorKind::ImageDownload,
            _ => ErrorKind::ImageWrite,
        };
        Failure::caused_by(kind, &error)
    })?;
    let (image, device) = (&wanted.image_source, &disk.name);
    Ok(Value::String(format!(
        "Container image ({image}) written to device {device}"
    )))
}

/// What is wrong with the config drive is found out before the disk is touched.
fn config_drive(
    agent: &Agent,
    wanted: &Installation,
) -> Result<Option<ConfigDrive>, disk::config_drive::ContentError> {
    let text = wanted
        .configdrive
        .as_deref()
        .filter(|text| !text.is_empty());
    let request = WriteImageRequest {
        image_info: &ImageInfo::default(),
        device: std::path::Path::new(""),
        config_drive: None,
        http: &agent.image_http,
        md5: Md5Policy::default(),
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience: patience(&agent.settings.image_server),
        stop: agent.stop_writing.child(),
    };
    text.map(|text| ConfigDrive::load(text, &request))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "steps: [{name: fans, image: a, interface: deploy, priority: 9, \
        reboot_requested: true, abortable: false}]\n";

    #[test]
    fn priorities_of_the_file_are_for_cleaning_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), FILE).unwrap();
        let steps = containers::read_steps(file.path(), &[]).unwrap();
        let listed = |kind| {
            let specs = specs(kind, steps.clone()).into_iter();
            let shown = specs.map(|spec| {
                let words = (spec.reboot_requested, spec.abortable);
                format!("{} {} {words:?}", spec.step, spec.priority)
            });
            shown.collect::<Vec<_>>()
        };
        let generic = [
            "generic_container_step 0 (false, true)",
            "container_clean_step 0 (false, true)",
        ];
        let with = |fans: &'static str| [&generic[..], &[fans]].concat();
        assert_eq!(listed(StepKind::Clean), with("fans 9 (true, false)"));
        assert_eq!(listed(StepKind::Deploy), with("fans 0 (true, false)"));
    }

    #[test]
    fn a_container_that_is_not_permitted_has_an_error_of_its_own() {
        let kind = |error| failed(StepKind::Clean, &error).to_error().kind;
        let refused = ContainerError::NotPermitted("a".to_owned());
        assert_eq!(kind(refused), "ContainerNotPermittedError");
        let senseless = ContainerError::Image("".to_owned());
        assert_eq!(kind(senseless), "InvalidCommandParamsError");
        let path = "/x".into();
        let reason = String::new();
        assert_eq!(
            kind(ContainerError::Steps { path, reason }),
            "CleaningError"
        );
    }
}
