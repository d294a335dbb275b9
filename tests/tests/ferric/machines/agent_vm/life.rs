//! A machine's life with the agent, as seen from a shell beside it: how much memory it takes when it has nothing to do,
//! and while it writes images of each kind, one of them although it is killed meanwhile; and a rescue, with a login by SSH.

use super::managed;
use crate::machines::{LOGIN, told};
use anyhow::Context;
use ferric_tests::images::top;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Firmware, Machine};
use ferric_tests::node::Node;
use ferric_tests::process::{command, output};
use ferric_tests::secure_shell::login;
use ferric_tests::shell::Shell;
use ferric_tests::wait;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Resident memory in KiB.
const IDLE_KIB: u64 = 12 << 10;
const DEPLOY_KIB: u64 = 64 << 10;
const REST: Duration = Duration::from_secs(600);
const SSH: Duration = Duration::from_secs(900);
const PASSWORD: &str = "rescue me, please 1";
const HOST_NAME: &str = "life";
const DEPLOY_RAMDISK: &str = "/driver_info/deploy_ramdisk";
/// What the killer says on the console, and then the agent.
const KILLED: &str = "the agent was killed when it had written";
const BEGUN_AGAIN: &str = "a command is begun again, as the agent was restarted";
const STATUS: &str = "/proc/$(systemctl show -p MainPID --value ferric-agent)/status";

#[test]
fn takes_little_memory_and_logs_a_rescuer_in() {
    let machine = Machine::new(1, "m1", Firmware::Uefi);
    told(
        Lab::start(&Plan::new("life", vec![machine])).unwrap(),
        |lab| {
            let node = managed(lab, "m1");
            let parameters = json!("%default% ferric.debug-shell");
            node.set("/driver_info/kernel_append_params", &parameters)
                .unwrap();
            idles(lab, &node);
            node.provide().unwrap();
            let images = images(lab);
            let ((kind, image), others) = images.split_last().unwrap();
            for (kind, image) in others {
                deploys(lab, &node, kind, image);
                node.undeploy().unwrap();
            }
            deploys_although_the_agent_is_killed(lab, &node, kind, image);
            is_rescued(lab, &node);
        },
    );
}

/// The same system in each kind of image that the agent takes; zstd has the largest window. There is none of a
/// partition: no node of this conductor gets one.
fn images(lab: &Lab) -> Vec<(&'static str, PathBuf)> {
    let system = &lab.images().system;
    let raw = lab.folder().join("system.raw");
    let convert = ["convert", "-O", "raw"];
    output(command("qemu-img").args(convert).arg(system).arg(&raw)).unwrap();
    let packed = lab.folder().join("system.raw.zst");
    let pack = ["-q", "-3", "--long=25", "-o"];
    output(command("zstd").args(pack).arg(&packed).arg(&raw)).unwrap();
    let gzipped = lab.folder().join("system.raw.gz");
    let zipped = File::create(&gzipped).unwrap();
    let mut gzip = command("gzip");
    gzip.args(["-1", "-c"]).arg(&raw).stdout(zipped);
    assert!(gzip.status().unwrap().success(), "gzip failed");
    // It has many times the memory that is permitted.
    vec![
        ("raw", raw),
        ("raw, zstd", packed),
        ("raw, gzip", gzipped),
        ("qcow2", system.clone()),
    ]
}

/// A step that holds leaves the agent with nothing to do.
fn idles(lab: &Lab, node: &Node<'_>) {
    let step = |name: &str| json!({ "interface": "deploy", "step": name });
    node.start_clean(&json!([step("erase_devices_metadata"), step("hold")]))
        .unwrap();
    node.holds("clean hold").unwrap();
    let mut shell = lab.shell("m1").unwrap();
    let mut before = 0;
    let idle = wait::until("the agent to be at rest", REST, || {
        let now = memory_kib(&mut shell, "VmRSS")?;
        let is_same = now == before;
        before = now;
        Ok(is_same.then_some(now))
    })
    .unwrap();
    println!("idle: {idle} KiB");
    assert!(
        idle <= IDLE_KIB,
        "the idle agent has {idle} KiB in memory, more than {IDLE_KIB}"
    );
    drop(shell);
    node.ask("unhold", Value::Null).unwrap();
    node.reaches("manageable", LOGIN).unwrap();
}

/// Holds when the image is on the disk, to be asked how much memory that took, and goes on to a system that boots.
fn deploys(lab: &Lab, node: &Node<'_>, kind: &str, image: &Path) {
    node.image(image).unwrap();
    let console = lab.serial("m1").len();
    let meta_data = json!({ "hostname": HOST_NAME, "name": HOST_NAME, "uuid": node.uuid });
    // Behind write_image, which has 80.
    let hold = json!({ "interface": "deploy", "step": "hold", "priority": 75, "args": {} });
    node.ask(
        "active",
        json!({ "configdrive": { "meta_data": meta_data }, "deploy_steps": [hold] }),
    )
    .unwrap();
    node.holds("deploy hold").unwrap();
    let peak = memory_kib(&mut lab.shell("m1").unwrap(), "VmHWM").unwrap();
    println!("{kind}: {peak} KiB at most");
    assert!(
        peak <= DEPLOY_KIB,
        "writing an image ({kind}) took {peak} KiB of memory, more than {DEPLOY_KIB}"
    );
    node.ask("unhold", Value::Null).unwrap();
    node.becomes_active().unwrap();
    lab.serial("m1")
        .wait_for(&format!("{HOST_NAME} login:"), console, LOGIN)
        .unwrap();
}

/// The agent that is started again writes the whole image, so its memory is looked at as any other one's.
fn deploys_although_the_agent_is_killed(lab: &Lab, node: &Node<'_>, kind: &str, image: &Path) {
    let ramdisk = lab.folder().join("killing.initramfs");
    let mut add = command(top().join("image-build/add"));
    add.arg(top().join("tests/agent-killer")).arg(&ramdisk);
    output(add.env("FERRIC_INITRAMFS", &lab.images().ramdisk)).unwrap();
    node.set(DEPLOY_RAMDISK, &json!(ramdisk)).unwrap();
    let console = lab.serial("m1").len();
    deploys(lab, node, kind, image);
    let said = lab.serial("m1").text_from(console);
    for words in [KILLED, BEGUN_AGAIN] {
        assert_eq!(said.matches(words).count(), 1, "{words:?} in:\n{said}");
    }
    // The rescue has the usual one.
    let remove = json!([{ "op": "remove", "path": DEPLOY_RAMDISK }]);
    lab.api()
        .patch(&format!("/v1/nodes/{}", node.uuid), &remove)
        .unwrap();
}

/// A field of the agent's process that is told in KiB. It is asked for until the answer is whole: whatever else is said
/// on the line may come in between.
fn memory_kib(shell: &mut Shell, field: &str) -> anyhow::Result<u64> {
    let mut answer: anyhow::Result<Vec<String>> = Ok(Vec::new());
    let found = wait::until(&format!("{field} of the agent"), REST, || {
        answer = shell.run(&format!("grep {field} {STATUS}"));
        let lines = answer.as_deref().unwrap_or_default();
        Ok(lines.iter().find_map(|line| {
            let rest = line.strip_prefix(field)?.strip_prefix(':')?;
            rest.trim().strip_suffix(" kB")?.trim().parse().ok()
        }))
    });
    found.with_context(|| format!("the last answer was {answer:?}"))
}

fn is_rescued(lab: &Lab, node: &Node<'_>) {
    // What the system has written is looked at below; the rescue takes the power away from it.
    node.shuts_down().unwrap();
    node.rescue(PASSWORD).unwrap();
    let says = |password: &str, words: &str| login(lab, "m1", "rescue", password, words);
    wait::until("a login in the rescue ramdisk", SSH, || {
        Ok(says(PASSWORD, "true")?.status.success().then_some(()))
    })
    .unwrap();
    let look = "echo $EUID; mount -o ro /dev/disk/by-label/ferric-root /mnt && cat /mnt/etc/hostname && umount /mnt";
    let seen = says(PASSWORD, look).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&seen.stdout),
        format!("0\n{HOST_NAME}\n"),
        "{seen:?}"
    );
    let refused = says("another password", "true").unwrap();
    assert!(!refused.status.success(), "any password is let in");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("denied"), "{said}");
    let console = lab.serial("m1").len();
    node.unrescue().unwrap();
    lab.serial("m1")
        .wait_for(&format!("{HOST_NAME} login:"), console, LOGIN)
        .unwrap();
}
