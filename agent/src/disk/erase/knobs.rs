//! How the conductor wants disks erased: what it puts into `driver_internal_info` of the node.
//!
//! A value that makes no sense is an error: a disk that was erased in another way than was meant is not erased.
//! `disk_erasure_concurrency` is not read: the disks do the work, and all of them at once.

use ferric_agent_protocol::node::Node;
use serde_json::Value;

use super::{EraseError, SharedFileSystems};

/// More random passes than anybody would wait for.
const MAX_ITERATIONS: u64 = 100;

/// The settings of an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Knobs {
    /// Passes of random bytes, where the agent writes the disk itself.
    pub(super) random_passes: u32,
    /// Whether a pass of zeroes follows.
    pub(super) zeroes: bool,
    /// Whether drives of NVMe, and of ATA, are asked to erase themselves.
    pub(super) nvme: bool,
    pub(super) ata: bool,
    pub(super) after_failure: AfterFailure,
    pub(super) read_only: ReadOnly,
    pub(super) shared: SharedFileSystems,
}

/// What follows when a drive cannot erase itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterFailure {
    Overwrite,
    Fail,
}

/// What becomes of a disk that cannot be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadOnly {
    Skip,
    Fail,
}

impl Knobs {
    /// Reads them; what the conductor does not say is as in Ironic.
    pub(super) fn of(node: Option<&Node>) -> Result<Self, EraseError> {
        let continues = flag(node, "agent_continue_if_secure_erase_failed")?;
        // Its name before it was about NVMe, too.
        let continues = match continues {
            None => flag(node, "agent_continue_if_ata_erase_failed")?,
            known => known,
        };
        let is = |name| flag(node, name);
        Ok(Self {
            random_passes: passes(node, "agent_erase_devices_iterations")?,
            zeroes: is("agent_erase_devices_zeroize")?.unwrap_or(true),
            nvme: is("agent_enable_nvme_secure_erase")?.unwrap_or(true),
            ata: is("agent_enable_ata_secure_erase")?.unwrap_or(true),
            after_failure: match continues {
                Some(true) => AfterFailure::Overwrite,
                _ => AfterFailure::Fail,
            },
            read_only: match is("agent_erase_skip_read_only")? {
                Some(true) => ReadOnly::Skip,
                _ => ReadOnly::Fail,
            },
            shared: shared(node)?,
        })
    }
}

/// Whether a node permits that file systems are erased that other machines may be using. Its other settings are not
/// looked at: whoever only writes has nothing to do with them.
pub(crate) fn shared_file_systems(node: &Node) -> Result<SharedFileSystems, EraseError> {
    shared(Some(node))
}

fn shared(node: Option<&Node>) -> Result<SharedFileSystems, EraseError> {
    Ok(match flag(node, "wipe_special_filesystems")? {
        Some(true) => SharedFileSystems::Erase,
        Some(false) | None => SharedFileSystems::Protect,
    })
}

/// A setting that is there and not null.
fn value<'a>(node: Option<&'a Node>, name: &str) -> Option<&'a Value> {
    let value = node?.driver_internal_info.get(name)?;
    (!value.is_null()).then_some(value)
}

fn flag(node: Option<&Node>, name: &'static str) -> Result<Option<bool>, EraseError> {
    let Some(value) = value(node, name) else {
        return Ok(None);
    };
    let is = |text: &str, word: &str| text.eq_ignore_ascii_case(word);
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if is(text, "true") => Some(true),
        Value::String(text) if is(text, "false") => Some(false),
        _ => None,
    };
    flag.map(Some)
        .ok_or_else(|| senseless(name, value, "true or false"))
}

fn passes(node: Option<&Node>, name: &'static str) -> Result<u32, EraseError> {
    let Some(value) = value(node, name) else {
        return Ok(1);
    };
    let number = value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    number
        .filter(|number| *number <= MAX_ITERATIONS)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| senseless(name, value, "a number from 0 to 100"))
}

fn senseless(name: &'static str, value: &Value, expected: &'static str) -> EraseError {
    EraseError::Knob {
        name,
        value: value.to_string(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn knobs(settings: &Value) -> Result<Knobs, String> {
        let uuid = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
        let node: Node =
            serde_json::from_value(json!({"uuid": uuid, "driver_internal_info": settings}))
                .unwrap();
        Knobs::of(Some(&node)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_as_in_ironic() {
        let defaults = Knobs {
            random_passes: 1,
            zeroes: true,
            nvme: true,
            ata: true,
            after_failure: AfterFailure::Fail,
            read_only: ReadOnly::Fail,
            shared: SharedFileSystems::Protect,
        };
        assert_eq!(Knobs::of(None).unwrap(), defaults);
        assert_eq!(knobs(&json!({})).unwrap(), defaults);
        let nulls =
            json!({"agent_erase_devices_iterations": null, "agent_erase_devices_zeroize": null});
        assert_eq!(knobs(&nulls).unwrap(), defaults);
    }

    #[test]
    fn every_knob_is_read() {
        let all = json!({
            "agent_erase_devices_iterations": 3, "agent_erase_devices_zeroize": false,
            "agent_enable_nvme_secure_erase": false, "agent_enable_ata_secure_erase": "False",
            "agent_continue_if_secure_erase_failed": true, "agent_erase_skip_read_only": true,
            "wipe_special_filesystems": "true",
        });
        let expected = Knobs {
            random_passes: 3,
            zeroes: false,
            nvme: false,
            ata: false,
            after_failure: AfterFailure::Overwrite,
            read_only: ReadOnly::Skip,
            shared: SharedFileSystems::Erase,
        };
        assert_eq!(knobs(&all).unwrap(), expected);
    }

    #[test]
    fn who_only_writes_needs_no_sense_in_the_other_settings() {
        let shared = |settings: &Value| {
            let uuid = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
            let node = json!({"uuid": uuid, "driver_internal_info": settings});
            shared_file_systems(&serde_json::from_value(node).unwrap())
        };
        let all = json!({"agent_erase_devices_iterations": -1, "wipe_special_filesystems": true});
        assert_eq!(shared(&all).unwrap(), SharedFileSystems::Erase);
        assert_eq!(shared(&json!({})).unwrap(), SharedFileSystems::Protect);
        let error = shared(&json!({"wipe_special_filesystems": "perhaps"})).unwrap_err();
        assert!(error.to_string().contains("\"perhaps\""), "{error}");
    }

    #[test]
    fn the_old_name_counts_where_the_new_one_is_silent() {
        let after = |settings: &Value| knobs(settings).unwrap().after_failure;
        let old = json!({"agent_continue_if_ata_erase_failed": true});
        assert_eq!(after(&old), AfterFailure::Overwrite);
        let both = json!({
            "agent_continue_if_ata_erase_failed": true, "agent_continue_if_secure_erase_failed": false,
        });
        assert_eq!(after(&both), AfterFailure::Fail);
    }

    #[test]
    fn a_value_that_makes_no_sense_is_an_error() {
        for (name, value, expected) in [
            ("agent_erase_devices_iterations", json!(-1), "0 to 100"),
            ("agent_erase_devices_iterations", json!(101), "0 to 100"),
            ("agent_erase_devices_zeroize", json!("maybe"), "\"maybe\""),
            ("agent_erase_skip_read_only", json!(1), "true or false"),
        ] {
            let error = knobs(&json!({name: value})).unwrap_err();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
    }
}
