//! Root device hints that an operator has written, as foreign bytes.

use ferric_agent_protocol::hints::{DiskFacts, RootDeviceHints, root_device};
use ferric_agent_protocol::inventory::Disk;
use serde_json::{Value, json};

/// Hints as JSON, and as the expression of an attribute that is a text and of one that is a number.
pub(super) fn hints(bytes: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<Value>(bytes)
        && let Ok(hints) = RootDeviceHints::parse(&value)
    {
        check_choice(&hints);
    }
    if let Ok(text) = str::from_utf8(bytes) {
        check_expression("serial", text, "");
        check_expression("size", text, " GiB");
    }
}

/// What is told to an operator is the same hint when it is written down again.
fn check_expression(name: &str, text: &str, unit: &str) {
    let Ok(hints) = RootDeviceHints::parse(&json!({name: text})) else {
        return;
    };
    let printed = hints.to_string();
    let written = printed
        .strip_prefix(name)
        .and_then(|rest| rest.strip_suffix(unit));
    let written = written.expect("a hint is printed with its name and its unit");
    let again = RootDeviceHints::parse(&json!({name: written}));
    assert_eq!(again.as_ref(), Ok(&hints), "{printed:?}");
    check_choice(&hints);
}

/// A disk that is chosen is one that fits.
fn check_choice(hints: &RootDeviceHints) {
    let disks = disks();
    match root_device(&disks, Some(hints)) {
        Ok(disk) => assert!(hints.matches(disk)),
        Err(error) => {
            assert!(!disks.iter().any(|disk| hints.matches(disk)));
            assert!(!error.to_string().is_empty());
        }
    }
}

fn disks() -> [DiskFacts; 2] {
    let disk = |name: &str, size, serial: Option<&str>| DiskFacts {
        disk: Disk {
            name: name.to_owned(),
            size,
            serial: serial.map(str::to_owned),
            ..Disk::default()
        },
        other_serials: vec!["S3Z1".to_owned()],
        ..DiskFacts::default()
    };
    [
        disk("/dev/sda", 500_107_862_016, Some("WD-1")),
        disk("/dev/sdb", 10 << 30, None),
    ]
}
