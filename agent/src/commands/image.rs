//! Writing the image, and what belongs to it: config drive, partition UUIDs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ferric_agent_protocol::image::ImageInfo;
use ferric_agent_protocol::inventory::Disk;
use ferric_agent_protocol::lookup::LookupConfig;
use ferric_agent_protocol::node::Node;
use ferric_agent_protocol::params::{PartitionUuids, WriteImage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::argsinfo::{self, Need};
use super::catalog::Command;
use super::failure::{ErrorKind, Failure};
use super::image_failure::{not_chosen, not_written};
use super::node;
use super::run::{Outcome, Params, Run, arguments, on_thread};
use crate::agent::Agent;
use crate::config::{ImageServerSettings, ImageSettings};
use crate::disk::bootloader;
use crate::disk::config_drive::ConfigDrive;
use crate::disk::{self, SharedFileSystems};
use crate::image::{
    FormatPolicy, Md5Policy, PartitionSpec, Patience, WriteImageRequest, write_image,
    write_partition_image,
};
use crate::progress::Progress;

/// What this boot has written, kept over a restart of the agent.
const FILE: &str = "written.json";

/// What a config drive may be, for whoever lists arguments.
pub(super) const CONFIG_DRIVE: &str =
    "A URL, or base64 of a gzipped ISO 9660 image, for the config drive.";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Written {
    image: String,
    pub(super) device: PathBuf,
    /// What is known of the partitions of a partition image.
    #[serde(default)]
    pub(super) partitions: Option<PartitionUuids>,
}

/// What `standby.prepare_image` needs is looked at before it is accepted, as Ironic's agent does.
pub(super) fn validate(command: Command, params: &Params) -> Result<(), String> {
    if command != Command::PrepareImage {
        return Ok(());
    }
    let info = params
        .get("image_info")
        .cloned()
        .ok_or("image_info is missing")?;
    let info: ImageInfo =
        serde_json::from_value(info).map_err(|error| format!("image_info: {error}"))?;
    let has = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if info.id.is_empty() || info.urls.is_empty() {
        return Err("Image is missing 'id', 'urls' fields.".to_owned());
    }
    let has_hash = has(&info.os_hash_algo) && has(&info.os_hash_value);
    if !has_hash && !has(&info.checksum) {
        return Err(
            "Image checksum fields are required: 'checksum' or 'os_hash_algo' and 'os_hash_value'"
                .to_owned(),
        );
    }
    Ok(())
}

/// What a conductor is told of the arguments of `write_image`.
pub(super) fn argsinfo() -> Map<String, Value> {
    argsinfo::argsinfo(&[
        (
            "image_info",
            Need::Required,
            "The image, its addresses and its checksum.",
        ),
        ("configdrive", Need::Optional, CONFIG_DRIVE),
    ])
}

/// `standby.prepare_image`: what the step `write_image` does, by its older name.
pub(super) async fn prepare(run: &Run, params: Params) -> Outcome {
    let wanted: WriteImage = arguments(params)?;
    write(run, wanted, node::for_writing(run).await).await
}

/// Chooses the disk, writes the image and the config drive, and says so in the words of Ironic's agent.
pub(super) async fn write(run: &Run, wanted: WriteImage, node: Node) -> Outcome {
    let agent = Arc::clone(&run.agent);
    let progress = run.progress.clone();
    on_thread(move || write_on_thread(&agent, &wanted, &node, &progress)).await?
}

fn write_on_thread(
    agent: &Agent,
    wanted: &WriteImage,
    node: &Node,
    progress: &Progress,
) -> Outcome {
    let failed = |error: &dyn std::error::Error| Failure::caused_by(ErrorKind::ImageWrite, error);
    agent.host.permits_disks().map_err(|error| failed(&error))?;
    let disk = agent.root_device(node);
    let disk = disk.map_err(|error| not_chosen(&error, ErrorKind::ImageWrite))?;
    let device = PathBuf::from(&disk.name);
    let shared = disk::shared_file_systems(node).map_err(|error| failed(&error))?;
    let request = WriteImageRequest {
        image_info: &wanted.image_info,
        device: &device,
        config_drive: None,
        http: &agent.image_http,
        md5: md5_policy(&agent.session.config, &agent.settings.images),
        formats: format_policy(&agent.session.config, &agent.settings.images),
        shared,
        patience: patience(&agent.settings.image_server),
        stop: agent.stop_writing.clone(),
    };
    // What is wrong with the config drive is found out before the disk is touched.
    let drive = config_drive(wanted).filter(|text| !text.is_empty());
    let drive = drive
        .map(|text| ConfigDrive::load(text, &request))
        .transpose();
    let drive = drive.map_err(|error| failed(&error))?;
    agent.forget_written();
    tell_of(&disk, "a disk is written");
    let request = WriteImageRequest {
        config_drive: drive.as_ref(),
        ..request
    };
    let (root_uuid, partitions) = if wanted.image_info.is_partition_image() {
        let spec = PartitionSpec::of(&wanted.image_info, node, bootloader::firmware());
        let spec = spec.map_err(|error| failed(&error))?;
        let written = write_partition_image(&agent.host, &request, &spec, progress);
        let uuids = written.map_err(|error| not_written(&error))?.uuids;
        (uuids.root_uuid.clone().unwrap_or_default(), Some(uuids))
    } else {
        let written = write_image(&agent.host, &request, progress);
        let written = written.map_err(|error| not_written(&error))?;
        (written.root_uuid, None)
    };
    let record = Written {
        image: wanted.image_info.id.clone(),
        device,
        partitions,
    };
    if let Err(error) = agent.state.save(FILE, &record) {
        clear(agent, &record.device);
        return Err(failed(&error));
    }
    Ok(Value::String(told(&record, &root_uuid)))
}

/// Which one of its kind it is, in the log before anything becomes of it.
pub(super) fn tell_of(disk: &Disk, what: &str) {
    tracing::info!(
        device = disk.name,
        serial = disk.serial.as_deref(),
        model = disk.model.as_deref(),
        size_bytes = disk.size,
        "{what}"
    );
}

/// The sentence that conductors read the ids from.
fn told(record: &Written, root_uuid: &str) -> String {
    let (id, device) = (&record.image, record.device.display());
    let esp = record.partitions.as_ref();
    let esp = esp.and_then(|partitions| partitions.efi_system_partition_uuid.as_ref());
    let esp = esp.map(|uuid| format!(" efi_system_partition_uuid={uuid}"));
    let esp = esp.unwrap_or_default();
    format!("image ({id}) written to device {device} root_uuid={root_uuid}{esp}")
}

/// For a partition image it may stand in `image_info`.
fn config_drive(wanted: &WriteImage) -> Option<&str> {
    let within = wanted.image_info.rest.get("configdrive");
    let within = within.and_then(Value::as_str);
    wanted.configdrive.as_deref().or(within)
}

/// A disk of a write that is told to have failed must not boot.
pub(super) fn clear(agent: &Agent, device: &Path) {
    if let Err(error) = disk::erase_device_metadata(&agent.host, device, SharedFileSystems::Erase) {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "clearing a disk that failed"
        );
    }
}

impl Agent {
    /// What this boot has written last, once it is whole.
    pub(super) fn written(&self) -> Option<Written> {
        self.state.load_or_forget(FILE)
    }

    /// Until the next image is whole, there is none whose partitions anybody could ask for.
    pub(super) fn forget_written(&self) {
        self.state.remove(FILE);
    }
}

/// What the operator says about downloads, else the agent's own patience. Who counts attempts does not count seconds.
pub(super) fn patience(own: &ImageServerSettings) -> Patience {
    let default = Patience::default();
    let give_up_after = match own.retries {
        Some(_) => Duration::MAX,
        None => default.give_up_after,
    };
    Patience {
        give_up_after,
        first_pause: own.retry_interval.unwrap_or(default.first_pause),
        longest_pause: own.retry_interval.unwrap_or(default.longest_pause),
        retries: own.retries,
        most: own.max_duration,
    }
}

fn md5_policy(config: &LookupConfig, own: &ImageSettings) -> Md5Policy {
    if config.agent_md5_checksum_enable.unwrap_or(own.md5_enabled) {
        Md5Policy::Allow
    } else {
        Md5Policy::Refuse
    }
}

fn format_policy(config: &LookupConfig, own: &ImageSettings) -> FormatPolicy {
    let permitted = config.permitted_image_formats.as_ref();
    let trust_images = config.disable_deep_image_inspection;
    FormatPolicy {
        permitted: permitted.or(own.permitted_formats.as_ref()).cloned(),
        trust_images: trust_images.unwrap_or(own.disable_deep_inspection),
    }
}

/// `standby.get_partition_uuids`: nothing before an image has been written in this boot.
pub(super) async fn partition_uuids(run: &Run) -> Outcome {
    let Some(written) = run.agent.written() else {
        return Ok(json!({}));
    };
    if let Some(uuids) = written.partitions {
        return Ok(json!(uuids));
    }
    let uuids = on_thread(move || disk::partition_uuids(&written.device)).await?;
    uuids
        .map(|uuids| json!(uuids))
        .map_err(|error| Failure::caused_by(ErrorKind::CommandExecution, &error))
}

/// `standby.discard_image`, which Ironic's agent does not have: the disk that this boot has written does not boot any
/// more. Answers with the disk, or with nothing where none has been written.
pub(super) async fn discard(run: &Run) -> Outcome {
    let failed = |error: &dyn std::error::Error| Failure::caused_by(ErrorKind::ImageWrite, error);
    let permitted = run.agent.host.permits_disks();
    permitted.map_err(|error| failed(&error))?;
    let Some(written) = run.agent.written() else {
        return Ok(Value::Null);
    };
    let (agent, device) = (Arc::clone(&run.agent), written.device.clone());
    let erase =
        move || disk::erase_device_metadata(&agent.host, &written.device, SharedFileSystems::Erase);
    on_thread(erase).await?.map_err(|error| failed(&error))?;
    run.agent.forget_written();
    Ok(json!({"device": device}))
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{self, Flags, Settings};

    fn settings(ini: &str) -> ImageSettings {
        all_settings(ini).images
    }

    pub(in crate::commands) fn all_settings(ini: &str) -> Settings {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cmdline"), "ipa-api-url=http://a").unwrap();
        std::fs::write(directory.path().join("a.conf"), ini).unwrap();
        let path = directory.path().display();
        let arguments = [
            "ferric-agent".to_owned(),
            format!("--cmdline={path}/cmdline"),
            format!("--config-dir={path}"),
        ];
        config::load(&Flags::parse_from(arguments)).unwrap()
    }

    #[test]
    fn the_answer_names_the_ids_that_there_are() {
        let mut record = Written {
            image: "os".to_owned(),
            device: PathBuf::from("/dev/sda"),
            partitions: None,
        };
        let expected = "image (os) written to device /dev/sda root_uuid=r";
        assert_eq!(told(&record, "r"), expected);
        record.partitions = Some(PartitionUuids {
            efi_system_partition_uuid: Some("E-1".to_owned()),
            ..PartitionUuids::default()
        });
        let expected = format!("{expected} efi_system_partition_uuid=E-1");
        assert_eq!(told(&record, "r"), expected);
    }

    #[test]
    fn downloads_are_tried_as_often_as_the_operator_says() {
        let of = |ini: &str| patience(&all_settings(ini).image_server);
        assert_eq!(of(""), Patience::default());
        let counted = of("image_download_connection_retries = 3\n\
            image_download_connection_retry_interval = 2\nimage_download_max_duration = 60\n");
        let expected = Patience {
            give_up_after: Duration::MAX,
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(2),
            retries: Some(3),
            most: Some(Duration::from_secs(60)),
        };
        assert_eq!(counted, expected);
    }

    #[test]
    fn what_the_conductor_says_about_images_wins() {
        let ini = "md5_enabled = false\npermitted_image_formats = raw,gpt\ndisable_deep_image_inspection = true\n";
        let (own, silent) = (settings(ini), LookupConfig::default());
        assert_eq!(md5_policy(&silent, &own), Md5Policy::Refuse);
        assert_eq!(md5_policy(&silent, &settings("")), Md5Policy::Allow);
        let policy = format_policy(&silent, &own);
        assert_eq!(policy.permitted.unwrap(), ["raw", "gpt"]);
        assert!(policy.trust_images);
        assert_eq!(
            format_policy(&silent, &settings("")),
            FormatPolicy::default()
        );
        let config = LookupConfig {
            agent_md5_checksum_enable: Some(true),
            permitted_image_formats: Some(vec!["qcow2".to_owned()]),
            disable_deep_image_inspection: Some(false),
            ..LookupConfig::default()
        };
        assert_eq!(md5_policy(&config, &own), Md5Policy::Allow);
        let policy = format_policy(&config, &own);
        assert_eq!(policy.permitted.unwrap(), ["qcow2"]);
        assert!(!policy.trust_images);
    }
}
