//! Findings, from facts that stand here.

use super::durations::Durations;
use super::steps::{History, Source, planned, sum};
use super::*;
use crate::boot::{DigestKnown, ImagePreview};
use crate::conductor::flows;
use crate::config::Steps;
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::RunId;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::AgentOffers;
use ferric_model::run::Activity;
use ferric_model::state::ProvisionState;
use ferric_model::step::StepId;
use jiff::Timestamp;
use uuid::Uuid;

fn node() -> Node {
    let mut node = Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH);
    node.provision_state = ProvisionState::Available;
    for (kind, name) in [("deploy", "direct"), ("boot", "ipxe")] {
        node.interfaces.insert(kind.to_owned(), name.to_owned());
    }
    node
}

fn inventory() -> StoredInventory {
    let inventory = json!({"disks": [
        {"name": "/dev/sda", "serial": "BIG", "size": 960_u64 << 30, "rotational": true},
        {"name": "/dev/nvme0n1", "serial": "FAST", "size": 480_u64 << 30, "rotational": false},
        {"name": "/dev/sdb", "serial": "STICK", "size": 2_u64 << 30},
    ]});
    StoredInventory {
        node: NodeId(Uuid::nil()),
        taken_at: Timestamp::UNIX_EPOCH,
        inventory: inventory.as_object().unwrap().clone(),
        plugin_data: Object::new(),
    }
}

fn chosen(node: &Node) -> (Vec<Finding>, Option<String>) {
    let chosen = disk::choose(node, Some(&inventory()));
    (chosen.findings, chosen.disk.and_then(|disk| disk.serial))
}

#[test]
fn the_disk_has_its_serial_and_its_reason() {
    let mut node = node();
    let (findings, serial) = chosen(&node);
    assert_eq!(serial.as_deref(), Some("FAST"));
    assert!(
        findings[0]
            .text
            .contains("/dev/nvme0n1 (serial FAST, 480 GiB): the smallest of 3")
    );
    assert!(
        findings[1].text.contains("2 other disks are not touched"),
        "{}",
        findings[1].text
    );
    assert_eq!(findings[1].data["disks"][0]["serial"], "FAST");

    node.properties
        .insert("root_device".to_owned(), json!({"rotational": true}));
    let (findings, serial) = chosen(&node);
    assert_eq!(serial.as_deref(), Some("BIG"));
    assert!(
        findings[0]
            .text
            .contains("root_device in properties (rotational true)"),
        "{}",
        findings[0].text
    );

    node.instance_info
        .insert("root_device".to_owned(), json!({"serial": "STICK"}));
    let (findings, serial) = chosen(&node);
    assert_eq!(serial.as_deref(), Some("STICK"), "the instance comes first");
    assert!(findings[0].text.contains("instance_info"));
}

#[test]
fn a_disk_that_cannot_be_told_is_no_error_but_hints_that_fit_none_are() {
    let mut node = node();
    let unknown = disk::choose(&node, None);
    assert_eq!(unknown.findings[0].level, Level::Warning);
    assert!(unknown.findings[0].text.contains("inspect it first"));
    node.properties
        .insert("root_device".to_owned(), json!({"serial": "GONE"}));
    let (findings, serial) = chosen(&node);
    assert_eq!((findings[0].level, serial), (Level::Error, None));
    assert!(findings[0].text.contains("GONE") || findings[0].text.contains("gone"));
    node.properties
        .insert("root_device".to_owned(), json!({"colour": "red"}));
    let odd = disk::choose(&node, None);
    assert_eq!(odd.findings[0].level, Level::Error);
    assert!(
        odd.findings[0].text.contains("colour"),
        "{}",
        odd.findings[0].text
    );
}

fn image(disk_bytes: Option<u64>, digest: DigestKnown) -> ImagePreview {
    ImagePreview {
        source: "http://images/os.qcow2".to_owned(),
        size_bytes: Some(1 << 30),
        format: Some("qcow2".to_owned()),
        disk_bytes,
        digest,
    }
}

#[test]
fn an_image_must_be_there_be_verified_and_fit() {
    let disk = disk::choose(&node(), Some(&inventory())).disk;
    let check = |preview: Result<ImagePreview, String>, expected: &[(&str, Level)]| {
        let findings = super::image::findings(&preview, disk.as_ref());
        let found: Vec<_> = findings
            .iter()
            .map(|finding| (finding.about, finding.level))
            .collect();
        assert_eq!(found, expected, "{findings:?}");
    };
    let (ok, warning, error) = (Level::Ok, Level::Warning, Level::Error);
    let given = DigestKnown::Given;
    check(
        Ok(image(Some(5 << 30), given)),
        &[("image", ok), ("digest", ok), ("size", ok)],
    );
    check(
        Ok(image(Some(481 << 30), given)),
        &[("image", ok), ("digest", ok), ("size", error)],
    );
    check(
        Ok(image(None, given)),
        &[("image", ok), ("digest", ok), ("size", warning)],
    );
    let missing = DigestKnown::Missing;
    check(
        Ok(image(Some(5), missing)),
        &[("image", ok), ("digest", error), ("size", ok)],
    );
    check(
        Err("its server answers 404".to_owned()),
        &[("image", error)],
    );
}

#[test]
fn a_node_that_may_not_be_deployed_says_why() {
    let mut node = node();
    assert_eq!(state(&node, Verb::Active)[0].level, Level::Ok);
    node.provision_state = ProvisionState::Active;
    node.maintenance = true;
    node.protected = true;
    let texts: Vec<_> = state(&node, Verb::Active)
        .into_iter()
        .map(|finding| finding.text)
        .collect();
    assert!(
        texts[0].contains("active is not allowed; it is in: available, deploy failed"),
        "{texts:?}"
    );
    assert!(texts[1].contains("maintenance"));
    let rebuild = state(&node, Verb::Rebuild);
    assert!(
        rebuild
            .iter()
            .any(|finding| finding.text.contains("protected"))
    );
    assert_eq!(room(3, 3).level, Level::Warning);
    assert_eq!(room(2, 3).level, Level::Ok);
}

#[test]
fn missing_settings_of_the_driver_are_named() {
    let validation = |result, reason: Option<&str>| Validation {
        result,
        reason: reason.map(str::to_owned),
    };
    let missing = "redfish_address is missing in driver_info";
    let all = BTreeMap::from([
        ("power".to_owned(), validation(Some(false), Some(missing))),
        (
            "console".to_owned(),
            validation(Some(false), Some("no port")),
        ),
        ("deploy".to_owned(), validation(Some(true), None)),
    ]);
    let findings = driver(&node(), &all);
    let levels: Vec<_> = findings
        .iter()
        .map(|finding| (finding.data["kind"].as_str(), finding.level))
        .collect();
    assert_eq!(
        levels,
        [
            (Some("console"), Level::Warning),
            (Some("power"), Level::Error)
        ]
    );
    assert!(findings[1].text.contains(missing));
    assert_eq!(driver(&node(), &BTreeMap::new())[0].level, Level::Ok);
}

#[test]
fn the_way_of_the_ramdisk() {
    let mut node = node();
    let there = boot(&node, Ok(["/k".to_owned(), "http://r".to_owned()]));
    assert!(
        there.text.contains("kernel /k, ramdisk http://r"),
        "{}",
        there.text
    );
    let missing = boot(&node, Err("set driver_info.deploy_kernel".to_owned()));
    assert_eq!(missing.level, Level::Error);
    node.interfaces.insert("boot".to_owned(), "fake".to_owned());
    assert_eq!(boot(&node, Err(String::new())).level, Level::Ok);
}

fn told(names: &[(&str, u32)]) -> AgentOffers {
    let steps = names
        .iter()
        .map(|(name, priority)| (StepId::new("deploy", name), *priority));
    AgentOffers::new(Timestamp::UNIX_EPOCH, Some("11.0".to_owned()), steps)
}

#[test]
fn what_the_agent_told_last_is_planned_in_its_place() {
    let mut node = node();
    node.agent_offers = Some(told(&[("write_image", 0), ("burn", 70), ("asked_only", 0)]));
    let foreseen = |node: &Node, activity| {
        let steps = flows::steps(activity, node);
        let settings: Steps = toml::from_str("").unwrap();
        agents::foresee(node, activity, flows::Composed::of(steps), &[], &settings)
    };
    let deploy = foreseen(&node, Activity::Deploy);
    let history = History {
        own: Durations::of(&ran(1, 1, "burn", 300)),
        all: Durations::default(),
    };
    let planned = planned(&deploy.steps, &history, None, node.agent_offers.as_ref());
    let place = |name: &str| planned.iter().position(|step| step.step == name);
    let burn = place("deploy.burn").unwrap();
    assert_eq!(
        Some(burn),
        place("deploy.write_image").map(|place| place + 1)
    );
    assert_eq!(planned[burn].source, "agent, as of 1970-01-01T00:00:00Z");
    assert_eq!(planned[burn].estimated_seconds, Some(300));
    assert_eq!(planned[0].source, "conductor");
    assert_eq!(place("deploy.asked_only"), None);
    let [finding] = deploy.findings.as_slice() else {
        panic!("{:?}", deploy.findings)
    };
    let said = "version 11.0) told 3 deploy steps, as of 1970-01-01T00:00:00Z, of which 1 is done";
    assert!(finding.text.contains(said), "{}", finding.text);

    node.agent_offers = Some(told(&[("burn", 70)]));
    let findings = foreseen(&node, Activity::Deploy).findings;
    assert_eq!(findings[1].level, Level::Warning);
    assert!(
        findings[1]
            .text
            .contains("did not offer deploy.write_image")
    );
    node.interfaces
        .insert("deploy".to_owned(), "fake".to_owned());
    assert!(foreseen(&node, Activity::Deploy).findings.is_empty());
}

#[test]
fn that_nothing_is_known_of_the_agent_is_no_error() {
    let node = node();
    let steps = flows::steps(Activity::Deploy, &node);
    let composed = flows::Composed::of(steps.clone());
    let settings: Steps = toml::from_str("").unwrap();
    let unknown = agents::foresee(&node, Activity::Deploy, composed, &[], &settings);
    assert_eq!(unknown.steps, steps);
    assert_eq!(unknown.findings[0].level, Level::Ok);
    assert!(unknown.findings[0].text.contains("no agent has told"));
    let history = History {
        own: Durations::default(),
        all: Durations::default(),
    };
    let planned = planned(&steps, &history, None, None);
    assert!(planned.iter().all(|step| step.source == "conductor"));
}

fn event(node: u128, run: u128, at: i64, what: What) -> TimelineEvent {
    TimelineEvent {
        id: Uuid::nil(),
        node: NodeId(Uuid::from_u128(node)),
        at: Timestamp::from_second(at).unwrap(),
        conductor: "one".to_owned(),
        run: Some(RunId(Uuid::from_u128(run))),
        bulk: None,
        what,
    }
}

fn ran(node: u128, run: u128, name: &str, took: i64) -> [TimelineEvent; 2] {
    let step = StepId::new("deploy", name);
    let started = What::StepStarted {
        step: step.clone(),
        attempt: 1,
    };
    let done = What::StepDone { step, detail: None };
    [
        event(node, run, 100, started),
        event(node, run, 100 + took, done),
    ]
}

fn rate(node: u128, bytes_per_second: u64) -> TimelineEvent {
    let what = What::Progress {
        step: StepId::new("deploy", "write_image"),
        phase: "writing".to_owned(),
        bytes_done: 1,
        bytes_total: None,
        bytes_per_second,
    };
    event(node, 1, 100, what)
}

#[test]
fn steps_take_as_long_as_they_took() {
    let own = ran(1, 1, "deploy", 90).into_iter();
    let own: Vec<_> = own
        .chain(ran(1, 2, "deploy", 70))
        .chain(ran(1, 3, "deploy", 200))
        .collect();
    let mut all = own.clone();
    all.extend(ran(2, 1, "boot_instance", 5));
    // Begun and never ended: says nothing.
    all.extend(ran(3, 1, "boot_instance", 900).into_iter().take(1));
    all.extend([rate(1, 5), rate(1, 10)]);
    let history = History {
        own: Durations::of(&own),
        all: Durations::of(&all),
    };
    let steps = flows::steps(Activity::Deploy, &node());
    let planned = planned(&steps, &history, Some(95), None);
    let of = |name: &str| planned.iter().find(|step| step.step == name).unwrap();
    let known = |name: &str| (of(name).estimated_seconds, of(name).from, of(name).samples);
    assert_eq!(known("deploy.deploy"), (Some(90), Some(Source::Node), 3));
    assert_eq!(
        known("deploy.boot_instance"),
        (Some(5), Some(Source::AllNodes), 1)
    );
    assert_eq!(
        known("deploy.write_image"),
        (Some(10), Some(Source::ImageSize), 1)
    );
    assert_eq!(known("power.off"), (None, None, 0));
    assert_eq!(planned[0].number, 1);
    assert_eq!(sum(&planned), Some(105));
    assert_eq!(sum(&[]), None);
}

#[test]
fn the_verdict_in_a_sentence() {
    let node = node();
    let ok = || Finding::ok("state", "fine", json!({}));
    let warning = || Finding::warning("disk", "unsure", json!({}));
    let error = || Finding::error("image", "gone", json!({}));
    let said = |findings: &[Finding]| text(&node, findings, Some(61));
    assert!(said(&[ok()]).ends_with("can be deployed. It would take about 2 min."));
    assert!(said(&[ok(), warning()]).contains("with 1 warnings"));
    assert!(said(&[warning(), error()]).ends_with("would not be deployed (1 errors): gone."));
}
