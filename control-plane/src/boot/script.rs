//! iPXE scripts: the one that finds out who asks, and the two answers. Pure text.

use super::glance;
use super::image_source;
use crate::config::Settings;
use ferric_model::node::Node;
use ferric_model::run::Activity;
use std::path::PathBuf;
use uuid::Uuid;

/// The two files a ramdisk is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Kernel,
    Ramdisk,
}

/// Where one of them comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Url(String),
    /// An image of Glance; the machine gets it from us.
    Glance(Uuid),
}

impl Part {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Ramdisk => "ramdisk",
        }
    }
}

fn is_rescue(node: &Node) -> bool {
    let run = node.run.as_ref();
    run.is_some_and(|run| run.activity == Activity::Rescue)
}

/// `driver_info` before the setting; a rescue has a ramdisk of its own where one is named. Files that a node names must be
/// under the allowed folders, as whoever owns a node writes its `driver_info`, and any machine may ask for them.
pub(super) fn source(settings: &Settings, node: &Node, part: Part) -> Result<Source, String> {
    let boot = &settings.boot;
    let named = |key: &str| node.driver_info.get(key).and_then(|value| value.as_str());
    let (key, rescue_key, setting, rescue) = match part {
        Part::Kernel => (
            "deploy_kernel",
            "rescue_kernel",
            &boot.kernel,
            &boot.rescue_kernel,
        ),
        Part::Ramdisk => (
            "deploy_ramdisk",
            "rescue_ramdisk",
            &boot.ramdisk,
            &boot.rescue_ramdisk,
        ),
    };
    let for_rescue = || Some((rescue_key, named(rescue_key).or(rescue.as_deref())?));
    let for_all = || Some((key, named(key).or(setting.as_deref())?));
    let found = if is_rescue(node) {
        for_rescue().or_else(for_all)
    } else {
        for_all()
    };
    let Some((key, text)) = found else {
        return Err(format!(
            "set driver_info.{key} or boot.{name} in the configuration",
            name = part.name()
        ));
    };
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(Source::Url(text.to_owned()));
    }
    if let Some(id) = glance::image_id(text) {
        return Ok(Source::Glance(id));
    }
    let path = PathBuf::from(text.strip_prefix("file://").unwrap_or(text));
    if named(key) == Some(text) {
        return match image_source::allowed(&path, &settings.image_paths) {
            Ok(path) if path.is_file() => Ok(Source::File(path)),
            Ok(_) => Err(format!("{key} {text} is no file")),
            Err(problem) => Err(format!(
                "{key} {text} is neither a URL nor the UUID of a Glance image, and as a file {problem}"
            )),
        };
    }
    match path.is_file() {
        true => Ok(Source::File(path)),
        false => Err(format!(
            "{key} {text} is neither a URL, nor the UUID of a Glance image, nor a file on this conductor"
        )),
    }
}

/// For every machine: tries the interface it booted from, then the others.
pub(super) fn entry(base: &str) -> String {
    let mut script = String::from("#!ipxe\n");
    for interface in [
        "netX", "net0", "net1", "net2", "net3", "net4", "net5", "net6", "net7",
    ] {
        script.push_str(&format!(
            "isset ${{{interface}/mac}} && chain --autofree {base}/boot/${{{interface}/mac:hexhyp}}.ipxe ||\n"
        ));
    }
    script.push_str("echo No node with one of these addresses wants to boot from here.\n");
    script.push_str(LOCAL);
    script
}

/// `exit 1` makes UEFI firmware go on to its next boot option; SeaBIOS and its like are told the drive.
const LOCAL: &str = "iseq ${platform} efi && exit 1 ||\nsanboot --no-describe --drive 0x80\n";

pub(super) fn local_disk() -> String {
    format!("#!ipxe\n{LOCAL}")
}

pub(super) fn ramdisk(settings: &Settings, node: &Node) -> Result<String, String> {
    let base = settings
        .provision_base()
        .ok_or("no provisioning listener")?;
    let url = |part: Part| {
        source(settings, node, part).map(|source| match source {
            Source::Url(url) => url,
            Source::File(_) | Source::Glance(_) => {
                format!("{base}/boot/files/{}/{}", node.uuid, part.name())
            }
        })
    };
    let (kernel, ramdisk) = (url(Part::Kernel)?, url(Part::Ramdisk)?);
    let arguments = arguments(settings, node, base);
    Ok(format!(
        "#!ipxe\n\
         set attempt:int32 0\n\
         :load\n\
         imgfree\n\
         kernel {kernel} {arguments} BOOTIF=${{netX/mac}} initrd=ramdisk || goto again\n\
         initrd --name ramdisk {ramdisk} || goto again\n\
         boot\n\
         :again\n\
         inc attempt\n\
         iseq ${{attempt}} 10 && goto give_up ||\n\
         echo Loading failed, trying again.\n\
         sleep 5\n\
         goto load\n\
         :give_up\n\
         echo The ramdisk could not be loaded.\n\
         poweroff\n"
    ))
}

/// `%default%` in the node's own parameters stands for the configured ones, as in Ironic.
fn arguments(settings: &Settings, node: &Node, base: &str) -> String {
    let configured = &settings.boot.kernel_append_params;
    let own = [&node.instance_info, &node.driver_info]
        .iter()
        .find_map(|info| {
            info.get("kernel_append_params")
                .and_then(|value| value.as_str())
        });
    let append = own.map_or_else(
        || configured.clone(),
        |own| own.replace("%default%", configured),
    );
    // A line break would start another command of the script.
    let append = append.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut arguments = format!("selinux=0 troubleshoot=0 text {append} ipa-api-url={base}");
    if node
        .run
        .as_ref()
        .is_some_and(|run| run.activity == Activity::Inspect)
    {
        arguments.push_str(&format!(
            " ipa-inspection-callback-url={base}/v1/continue_inspection"
        ));
    }
    let dials_out = node.own_flag("dial_out");
    if dials_out.unwrap_or(settings.agent.dial_out) {
        // Nothing that Ironic's agent knows; it opens its port all the same.
        arguments.push_str(" ferric-dial-out=1");
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;
    use ferric_model::ids::NodeId;
    use serde_json::json;

    fn node() -> Node {
        let mut node = Node::new(NodeId(Uuid::nil()), "redfish", jiff::Timestamp::UNIX_EPOCH);
        node.driver_info
            .insert("deploy_kernel".into(), json!("http://mirror/kernel"));
        node.driver_info
            .insert("deploy_ramdisk".into(), json!("/dev/null/none"));
        node
    }

    fn settings() -> Settings {
        let overrides = Overrides {
            state_dir: Some("/tmp".into()),
            provision_listen: Some("10.0.0.1:80".parse().unwrap()),
            ..Overrides::default()
        };
        Settings::load(None, overrides).unwrap()
    }

    #[test]
    fn sources() {
        let mut settings = settings();
        settings.boot.ramdisk = Some("/etc/hostname".into());
        let url = Source::Url("http://mirror/kernel".into());
        assert_eq!(source(&settings, &node(), Part::Kernel), Ok(url));
        assert!(
            source(&settings, &node(), Part::Ramdisk)
                .unwrap_err()
                .contains("neither a URL nor")
        );
        let bare = Node::new(NodeId(Uuid::nil()), "redfish", jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(
            source(&settings, &bare, Part::Ramdisk),
            Ok(Source::File("/etc/hostname".into()))
        );
        assert!(
            source(&settings, &bare, Part::Kernel)
                .unwrap_err()
                .contains("driver_info.deploy_kernel")
        );
    }

    /// Not by a link either.
    #[test]
    fn a_node_names_files_of_the_allowed_folders_only() {
        let folder = tempfile::tempdir().unwrap();
        let kernel = folder.path().join("kernel");
        std::fs::write(&kernel, "k").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
        let mut settings = settings();
        let named = |path: &std::path::Path| {
            let mut node = node();
            node.driver_info
                .insert("deploy_ramdisk".into(), json!(path.display().to_string()));
            node
        };
        let refused = |settings: &Settings, path: &std::path::Path| {
            let error = source(settings, &named(path), Part::Ramdisk).unwrap_err();
            assert!(error.contains("images.allowed_paths"), "{error}");
        };
        refused(&settings, &kernel);
        settings.image_paths = vec![folder.path().to_owned()];
        let found = source(&settings, &named(&kernel), Part::Ramdisk);
        assert_eq!(found, Ok(Source::File(kernel.canonicalize().unwrap())));
        refused(&settings, &link);
        refused(&settings, "/etc/hostname".as_ref());
    }

    #[test]
    fn a_rescue_has_a_ramdisk_of_its_own_where_one_is_named() {
        let mut settings = settings();
        let mut node = node();
        let run = json!({
            "id": Uuid::nil(), "activity": "rescue", "goal": "rescue", "started_at": jiff::Timestamp::UNIX_EPOCH,
            "steps": [], "index": 0, "phase": "ready", "wait": null, "agent_steps_known": false,
            "agent_step_version": null, "notes": {},
        });
        let rescue: Option<ferric_model::run::Run> = Some(serde_json::from_value(run).unwrap());
        let kernel = |settings: &Settings, node: &Node| match source(settings, node, Part::Kernel) {
            Ok(Source::Url(url)) => url,
            other => panic!("{other:?}"),
        };
        node.run = rescue;
        assert_eq!(kernel(&settings, &node), "http://mirror/kernel");
        settings.boot.rescue_kernel = Some("http://mirror/configured".into());
        assert_eq!(kernel(&settings, &node), "http://mirror/configured");
        let own = json!("http://mirror/own");
        node.driver_info.insert("rescue_kernel".into(), own);
        assert_eq!(kernel(&settings, &node), "http://mirror/own");
        node.run = None;
        assert_eq!(kernel(&settings, &node), "http://mirror/kernel");
    }

    #[test]
    fn own_parameters_cannot_add_commands() {
        let mut node = node();
        node.driver_info.insert(
            "kernel_append_params".into(),
            json!("%default% quiet\nshell"),
        );
        let text = arguments(&settings(), &node, "http://10.0.0.1");
        assert_eq!(
            text,
            "selinux=0 troubleshoot=0 text nofb vga=normal quiet shell ipa-api-url=http://10.0.0.1"
        );
    }

    #[test]
    fn the_agent_is_told_to_open_no_port_where_that_is_wanted() {
        let told = |configured: bool, own: Option<serde_json::Value>| {
            let (mut settings, mut node) = (settings(), node());
            settings.agent.dial_out = configured;
            if let Some(own) = own {
                node.driver_info.insert("dial_out".into(), own);
            }
            let text = arguments(&settings, &node, "http://10.0.0.1");
            text.ends_with(" ipa-api-url=http://10.0.0.1 ferric-dial-out=1")
        };
        assert!(!told(false, None));
        assert!(told(true, None));
        assert!(told(false, Some(json!(true))));
        assert!(told(false, Some(json!("yes"))));
        assert!(!told(true, Some(json!(false))));
        assert!(!told(true, Some(json!("no"))));
    }

    #[test]
    fn the_entry_asks_for_each_interface() {
        let script = entry("http://h:1");
        assert!(script.starts_with("#!ipxe\n"));
        assert!(script.contains("chain --autofree http://h:1/boot/${net0/mac:hexhyp}.ipxe ||"));
    }
}
