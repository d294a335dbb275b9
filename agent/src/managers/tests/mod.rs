//! Managers that tests write as shell scripts: who is found, in which order, and what they are told.

mod failures;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferric_agent_protocol::inventory::{Disk, Inventory};
use ferric_agent_protocol::steps::StepSpec;
use serde_json::{Map, json};

use super::*;
use crate::progress::Progress;

/// What all scripts answer unless they say something else before.
const COMMON: &str = r#"
: "${version=1.0}" "${protocol=1}" "${support=2}" "${calls=}" "${steps=}"
case $1 in
describe)
    printf '{"result": {"name": "%s", "version": "%s", "protocol": %s, "calls": [%s]}}\n' \
        "$name" "$version" "$protocol" "$calls" ;;
evaluate_hardware_support) echo "{\"result\": $support}" ;;
list_steps) echo "{\"result\": [$steps]}" ;;
initialize) echo "$name" >>"$(dirname "$0")/initialized"; echo '{"result": null}' ;;
esac
"#;

/// A folder with hardware managers.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With one program, of the name acme.
    fn with(script: &str) -> Self {
        let folder = Self::new();
        folder.write("acme", &format!("name=acme\n{script}"));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, file: &str, script: &str) {
        let path = self.path(file);
        fs::write(&path, format!("#!/bin/sh\n{script}\n{COMMON}")).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn settings(&self) -> ManagerSettings {
        ManagerSettings {
            folder: self.0.path().to_owned(),
            timeout: Duration::from_secs(30),
        }
    }

    fn find(&self) -> Managers {
        self.find_within(Duration::from_secs(30))
    }

    fn find_within(&self, timeout: Duration) -> Managers {
        let settings = ManagerSettings {
            timeout,
            ..self.settings()
        };
        let host = ordinary().that_runs_programs();
        Managers::find(&settings, &[], &host, &Stop::default())
    }

    /// The only manager.
    fn manager(&self) -> (Managers, Arc<Manager>) {
        let managers = self.find();
        assert_eq!(managers.managers.len(), 1, "{managers:?}");
        let manager = Arc::clone(&managers.managers[0]);
        (managers, manager)
    }
}

fn ordinary() -> Host {
    Host::recorded(Path::new("/"), &[]).unwrap()
}

fn order(step: &str) -> StepOrder {
    StepOrder {
        kind: StepKind::Clean,
        interface: "deploy".to_owned(),
        step: step.to_owned(),
        args: Map::from_iter([("fan".to_owned(), json!(2))]),
        node: json!({"uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781", "name": "a \"b\" \\ ä"}),
        ports: vec![json!({"address": "52:54:00:00:00:01"})],
    }
}

fn names(managers: &Managers) -> Vec<String> {
    let all = managers.managers.iter();
    all.map(|manager| manager.name.clone()).collect()
}

#[test]
fn a_step_is_told_all_and_answers_with_its_result() {
    let folder = Folder::with(
        r#"
        if [ "$1" = run_step ]; then
            read -r line
            echo '{"progress": {"phase": "flashing", "bytes_total": 10, "bytes_written": 5}}'
            printf '{"result": %s}\n' "$line"
        fi"#,
    );
    let (_managers, manager) = folder.manager();
    let progress = Progress::default();
    let result = manager.run_step(order("flash"), &progress).unwrap();
    let expected = json!({
        "protocol": 1, "call": "run_step", "only_devices": null, "kind": "clean",
        "interface": "deploy", "step": "flash", "args": {"fan": 2},
        "node": order("").node, "ports": order("").ports,
    });
    assert_eq!(result, expected);
    let mark = progress.mark().unwrap();
    assert_eq!((mark.phase.as_str(), mark.bytes_written), ("flashing", 5));
}

#[test]
fn managers_are_sorted_by_support_and_then_by_name() {
    let folder = Folder::new();
    folder.write("1", "name=zeta support=1 version=7");
    folder.write("2", "name=beta support=3");
    folder.write("3", "name=absent support=0");
    folder.write("4", "name=alpha support=3");
    folder.write("5", "name=vendor support=9");
    // None of these is a program.
    fs::write(folder.path("README"), "not executable").unwrap();
    fs::create_dir(folder.path("lib")).unwrap();
    folder.write(".hidden", "name=hidden");
    let managers = folder.find();
    assert_eq!(names(&managers), ["vendor", "alpha", "beta", "zeta"]);
    assert!(managers.failures.is_empty(), "{managers:?}");
    let versions = json!({"vendor": "1.0", "alpha": "1.0", "beta": "1.0", "zeta": "7"});
    assert_eq!(json!(managers.versions()), versions);
    let listed: Vec<String> = managers
        .listed()
        .into_iter()
        .map(|manager| manager.name)
        .collect();
    assert_eq!(listed, ["ferric_agent", "vendor", "alpha", "beta", "zeta"]);
}

#[test]
fn a_folder_that_is_not_there_has_no_managers() {
    let folder = Folder::new();
    let settings = ManagerSettings {
        folder: folder.path("none"),
        ..folder.settings()
    };
    let host = ordinary().that_runs_programs();
    assert!(Managers::find(&settings, &[], &host, &Stop::default()).is_empty());
}

#[test]
fn on_an_ordinary_host_no_program_is_run() {
    let folder = Folder::with(r#"echo >"$0.ran""#);
    let find = |host: &Host| Managers::find(&folder.settings(), &[], host, &Stop::default());
    assert!(find(&ordinary()).is_empty());
    assert!(!folder.path("acme.ran").exists());
    let disk = tempfile::NamedTempFile::new().unwrap();
    let with_disk = Host::recorded(Path::new("/"), &[disk.path().to_owned()]).unwrap();
    assert!(find(&with_disk).is_empty());
    assert!(!folder.path("acme.ran").exists());
    assert!(!find(&ordinary().that_runs_programs()).is_empty());
    assert!(folder.path("acme.ran").exists());
}

#[test]
fn programs_are_told_which_devices_are_theirs() {
    let folder = Folder::with(
        r#"[ "$1" != run_step ] || { read -r line; printf '{"result": %s}\n' "$line"; }"#,
    );
    let host = ordinary().that_runs_programs();
    let devices = [PathBuf::from("/dev/loop7")];
    let managers = Managers::find(&folder.settings(), &devices, &host, &Stop::default());
    let result = managers.managers[0].run_step(order("x"), &Progress::default());
    assert_eq!(result.unwrap()["only_devices"], json!(["/dev/loop7"]));
}

#[test]
fn programs_that_are_no_managers_are_told_of() {
    let folder = Folder::new();
    folder.write("1-good", "name=acme");
    folder.write("2-twin", "name=acme");
    folder.write("3-later", "name=later protocol=2");
    folder.write("4-impostor", "name=ferric_agent");
    folder.write("4-other-impostor", "name=ContainerHardwareManager");
    folder.write("5-nameless", "name=");
    folder.write("6-unversioned", "name=unversioned version=");
    folder.write("7-vague", "name=vague support='\"yes\"'");
    folder.write(
        "8-failing",
        "name=failing; [ $1 != evaluate_hardware_support ] || exit 1",
    );
    fs::write(folder.path("9-broken"), "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(folder.path("9-broken"), PermissionsExt::from_mode(0o755)).unwrap();
    let managers = folder.find();
    assert_eq!(names(&managers), ["acme"]);
    assert!(managers.take_part_in_inspection());
    let failures = managers.collect_inspection().collector_failures;
    let expected = [
        ("2-twin", "the name acme is that of another one"),
        ("3-later", "speaks protocol 2, and this agent speaks 1"),
        (
            "4-impostor",
            "ferric_agent is the name of the built-in manager",
        ),
        (
            "4-other-impostor",
            "ContainerHardwareManager is the name of the built-in manager",
        ),
        ("5-nameless", "and this is \"\""),
        ("6-unversioned", "a version has 1 to 64 letters"),
        (
            "7-vague",
            "evaluate_hardware_support: its answer makes no sense: invalid type",
        ),
        (
            "8-failing",
            "it ended with exit status: 1 and did not say why",
        ),
        ("9-broken", "it cannot be started: No such file"),
    ];
    assert_eq!(failures.len(), expected.len(), "{failures:?}");
    for (file, text) in expected {
        let failure = &failures[&format!("hardware-manager {file}")];
        assert!(failure.contains(text), "{file}: {failure}");
    }
}

#[test]
fn managers_are_initialised_in_order_and_one_that_fails_is_dropped() {
    let folder = Folder::new();
    folder.write("1", "name=low support=1 calls='\"initialize\"'");
    folder.write("2", "name=high support=3 calls='\"initialize\"'");
    folder.write("3", "name=plain support=2");
    folder.write(
        "4",
        "name=failing calls='\"initialize\"'; [ $1 != initialize ] || { echo '{\"error\": \"no bus\"}'; exit; }",
    );
    let managers = folder.find();
    assert_eq!(names(&managers), ["high", "plain", "low"]);
    let initialised = fs::read_to_string(folder.path("initialized")).unwrap();
    assert_eq!(initialised, "high\nlow\n");
    let expected = "hardware manager failing, initialize: no bus";
    assert_eq!(managers.failures["4"], expected);
}

fn spec(step: &str, priority: i64) -> StepSpec {
    let value = json!({"step": step, "interface": "deploy", "priority": priority});
    serde_json::from_value(value).unwrap()
}

/// The built-in manager has the lowest support; a vendor's has its own way to do the same.
#[test]
fn each_step_is_left_to_one_manager() {
    let folder = Folder::new();
    let step = |name: &str, priority: i64| {
        format!(r#"{{"step": "{name}", "interface": "deploy", "priority": {priority}}}"#)
    };
    let steps = |all: &[String]| format!("steps='{}'", all.join(", "));
    let vendor = steps(&[step("erase_devices", 0), step("flash", 5)]);
    folder.write("1", &format!("name=vendor support=3 {vendor}"));
    let mainline = steps(&[step("flash", 90), step("test", 1), step("beep", 1)]);
    folder.write("2", &format!("name=mainline support=2 {mainline}"));
    let other = steps(&[step("test", 2), step("beep", 1)]);
    folder.write("3", &format!("name=another support=2 {other}"));
    let managers = folder.find();
    let mut offers = managers
        .list_steps(StepKind::Clean, &json!({}), &json!([]))
        .unwrap();
    offers.push(Offer {
        name: BUILT_IN.to_owned(),
        support: BUILT_IN_SUPPORT,
        manager: None,
        steps: vec![spec("erase_devices", 10), spec("erase_pstore", 0)],
    });
    let left: Vec<String> = deduplicate(offers)
        .iter()
        .flat_map(|offer| {
            let with_name = |spec: &StepSpec| format!("{}.{}", offer.name, spec.step);
            offer.steps.iter().map(with_name).collect::<Vec<_>>()
        })
        .collect();
    let expected = [
        "vendor.erase_devices",
        "vendor.flash",
        "another.test",
        "another.beep",
        "FerricAgent.erase_pstore",
    ];
    assert_eq!(left, expected);
}

#[test]
fn keys_of_a_step_that_the_agent_does_not_know_are_kept() {
    let step = json!({
        "step": "flash", "interface": "firmware", "priority": 0, "reboot_requested": true,
        "abortable": false, "argsinfo": {"images": {"description": "Which.", "required": true}},
        "requires_ramdisk": false,
    });
    let folder = Folder::with(&format!("steps='{step}'"));
    let offers = folder
        .find()
        .list_steps(StepKind::Service, &json!({}), &json!([]));
    assert_eq!(json!(offers.unwrap()[0].steps), json!([step]));
}

#[test]
fn one_manager_that_lists_nothing_of_use_fails_the_list() {
    let folder = Folder::new();
    folder.write(
        "1",
        r#"name=good steps='{"step": "x", "interface": "raid"}'"#,
    );
    folder.write("2", r#"name=bad steps='{"step": "x", "interface": "fan"}'"#);
    let error = folder
        .find()
        .list_steps(StepKind::Clean, &json!({}), &json!([]))
        .unwrap_err();
    let text = sentence(&error);
    let expected = "hardware manager bad, list_steps: its answer makes no sense: the interface of step x must be";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn managers_add_to_the_inspection_and_the_highest_support_is_right() {
    let folder = Folder::new();
    let calls = r#"calls='"override_inventory", "collect_inspection"'"#;
    let answers = |inventory: &str, data: &str| {
        format!(
            "case $1 in override_inventory) echo '{{\"result\": {inventory}}}' ;;\n\
             collect_inspection) echo '{{\"result\": {data}}}' ;; esac"
        )
    };
    let low = answers(
        r#"{"hostname": "low", "bmc_mac": "52:54:00:00:00:09"}"#,
        r#"{"rack": 1, "low": true}"#,
    );
    folder.write("1", &format!("name=low support=1 {calls}\n{low}"));
    let high = answers(
        r#"{"hostname": "high", "memory": {"physical_mb": 7}}"#,
        r#"{"rack": 2, "high": [true]}"#,
    );
    folder.write("2", &format!("name=high support=3 {calls}\n{high}"));
    let wrong = answers(r#"{"disks": 7}"#, r#"{"error": "x"}"#);
    folder.write("3", &format!("name=wrong support=2 {calls}\n{wrong}"));
    let managers = folder.find();
    let before = Inventory {
        hostname: Some("own".to_owned()),
        disks: vec![Disk::default()],
        ..Inventory::default()
    };
    let (after, failures) = managers.override_inventory(before.clone());
    assert_eq!(after.hostname.as_deref(), Some("high"));
    assert_eq!(after.bmc_mac.as_deref(), Some("52:54:00:00:00:09"));
    assert_eq!(json!(after.memory)["physical_mb"], 7);
    assert_eq!(after.disks, before.disks);
    let failure = &failures["hardware-manager wrong"];
    let expected = "hardware manager wrong, override_inventory: its answer makes no sense: ";
    assert!(failure.starts_with(expected), "{failure}");
    assert_eq!(failures.len(), 1);
    let data = managers.collect_inspection();
    let expected = json!({"rack": 2, "low": true, "high": [true]});
    assert_eq!(json!(data.rest), expected);
    let failure = &data.collector_failures["hardware-manager wrong"];
    assert!(
        failure.ends_with("the key error is the agent's"),
        "{failure}"
    );
}

/// The shell script of the documentation, as a reader would copy it.
#[test]
fn the_manager_of_the_documentation_is_one() {
    let page = include_str!("../../../../docs/hardware-managers.md");
    let (_, script) = page.split_once("```sh\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let folder = Folder::new();
    let path = folder.path("beeper");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let (managers, manager) = folder.manager();
    assert_eq!((manager.name(), manager.support), ("beeper", 2));
    let offers = managers.list_steps(StepKind::Clean, &json!({}), &json!([]));
    assert_eq!(offers.unwrap()[0].steps[0].step, "beep");
}
