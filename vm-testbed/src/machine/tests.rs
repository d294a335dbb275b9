//! The life of a machine with a real QEMU: guests of a few bytes that reset, power off or halt.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::boot::{Duration as Enabled, Target};

/// A start takes a second or two, and more on a machine that builds beside it.
const PATIENCE: Duration = Duration::from_secs(240);

/// `cli; hlt`
pub const HALT: &[u8] = &[0xfa, 0xf4];
/// Pulses the reset line by the keyboard controller: `mov al, 0xfe; out 0x64, al; hlt`
const RESET: &[u8] = &[0xb0, 0xfe, 0xe6, 0x64, 0xf4];
/// Soft-off by ACPI, where SeaBIOS has put it: `mov dx, 0x604; mov ax, 0x2000; out dx, ax; hlt`
const POWER_OFF: &[u8] = &[0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4];

/// What guests say on the serial line: bytes that the firmware, which writes there too, never does.
const READY: u8 = 1;
const FROM_DISK: u8 = 2;
const FROM_CD: u8 = 3;

/// Enables the power button, says so on the serial line and powers off when it is pressed: `mov dx, 0x602; mov ax, 0x100;
/// out dx, ax; mov dx, 0x3f8; mov al, READY; out dx, al; mov dx, 0x600; again: in ax, dx; test ah, 1; jz again;
/// mov dx, 0x604; mov ax, 0x2000; out dx, ax; hlt`
const OBEYING: &[u8] = &[
    0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef, 0xba, 0xf8, 0x03, 0xb0, READY, 0xee, 0xba, 0x00,
    0x06, 0xed, 0xf6, 0xc4, 0x01, 0x74, 0xfa, 0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4,
];

/// Writes a byte to the serial line: `mov dx, 0x3f8; mov al, SAID; out dx, al; cli; hlt`
fn saying(said: u8) -> [u8; 8] {
    [0xba, 0xf8, 0x03, 0xb0, said, 0xee, 0xfa, 0xf4]
}

/// A machine whose life runs; QEMU ends with it.
pub struct Living {
    pub machine: Machine,
    directory: TempDir,
    _life: JoinSet<anyhow::Result<()>>,
}

impl Living {
    pub async fn with_guest(code: &[u8]) -> Living {
        let directory = tempfile::tempdir().unwrap();
        let mut sector = vec![0; 1 << 20];
        sector[..code.len()].copy_from_slice(code);
        sector[510..512].copy_from_slice(&[0x55, 0xaa]);
        std::fs::write(directory.path().join("disk0.raw"), sector).unwrap();
        let config = r#"
            name = "node"
            uuid = "6f1b8a52-0f5e-4a52-9a0e-000000000001"
            firmware = "bios"
            cpus = 2
            memory = 1536
            disks = [
                { bus = "virtio", size = "1MiB" },
                { bus = "scsi", size = "2MiB", serial = "S1", wwn = "0x5000c50015ea7001", rotational = true },
            ]
            bmc = { listen = "127.0.0.1:8001", username = "admin", password = "password" }
        "#;
        let blueprint = Blueprint {
            config: toml::from_str(config).unwrap(),
            index: 0,
            directory: directory.path().into(),
            accel: Accel::Tcg,
            ovmf: Ovmf::find().unwrap(),
        };
        let (machine, life) = Machine::create(blueprint).await.unwrap();
        let mut task = JoinSet::new();
        task.spawn(life.run(CancellationToken::new()));
        Living {
            machine,
            directory,
            _life: task,
        }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    async fn insert(&self, url: &url::Url) -> anyhow::Result<()> {
        self.machine.insert(self.machine.fetch(url).await?).await
    }

    async fn until(&self, what: &str, reached: impl Fn(&Status) -> bool) {
        let wait = async {
            while !reached(&self.machine.status()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{what}: {:?}", self.machine.status());
    }

    /// Waits until a guest has said this on the serial line so many times.
    async fn says(&self, said: u8, times: usize) {
        let log = self.directory.path().join("serial.log");
        let read = || std::fs::read(&log).unwrap_or_default();
        let wait = async {
            while read().iter().filter(|byte| **byte == said).count() < times {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(
            waited.is_ok(),
            "the guest did not say {said}, but there is: {}",
            read().escape_ascii()
        );
    }

    /// Where the next start boots from, and what is left of it.
    fn boot(&self) -> (Target, Enabled) {
        let boot = self.machine.status().boot;
        (boot.target, boot.enabled)
    }

    fn set_boot(&self, target: Target, enabled: Enabled) {
        self.machine
            .change_boot(|boot| boot.change(Some(target), Some(enabled), None));
    }
}

#[tokio::test]
async fn power_follows_the_orders() {
    let living = Living::with_guest(HALT).await;
    for (reset, expected) in [
        (Reset::On, Power::On),
        (Reset::On, Power::On),
        (Reset::ForceRestart, Power::On),
        (Reset::ForceOff, Power::Off),
        (Reset::ForceOff, Power::Off),
        (Reset::PushPowerButton, Power::On),
        (Reset::Nmi, Power::On),
        (Reset::Cut, Power::Off),
    ] {
        living.machine.reset(reset).await.unwrap();
        assert_eq!(living.machine.status().power, expected, "{reset:?}");
    }
    assert_eq!(living.machine.status().starts, 3);
    let error = living
        .machine
        .reset(Reset::GracefulRestart)
        .await
        .unwrap_err();
    assert!(error.is::<PowerError>(), "{error:#}");
}

#[tokio::test]
async fn a_guest_that_resets_is_started_again_with_the_override_of_that_time() {
    let living = Living::with_guest(RESET).await;
    living.set_boot(Target::Hdd, Enabled::Continuous);
    living.machine.reset(Reset::On).await.unwrap();
    living
        .until("two resets of the guest", |status| status.starts >= 3)
        .await;
    assert_eq!(living.boot(), (Target::Hdd, Enabled::Continuous));
    living.set_boot(Target::Hdd, Enabled::Once);
    living
        .until("the override is used up", |status| {
            status.boot.enabled == Enabled::Disabled
        })
        .await;
    assert_eq!(living.machine.status().power, Power::On);
    living.machine.reset(Reset::ForceOff).await.unwrap();
    let starts = living.machine.status().starts;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        living.machine.status().starts,
        starts,
        "a machine that is off starts nothing"
    );
}

#[tokio::test]
async fn a_guest_that_powers_off_leaves_the_machine_off() {
    let living = Living::with_guest(POWER_OFF).await;
    living.set_boot(Target::Hdd, Enabled::Once);
    living.machine.reset(Reset::On).await.unwrap();
    assert_eq!(living.boot(), (Target::None, Enabled::Disabled));
    living
        .until("off", |status| status.power == Power::Off)
        .await;
    assert_eq!(living.machine.status().starts, 1);
}

#[tokio::test]
async fn a_qemu_that_does_not_start_leaves_the_machine_off_and_says_why() {
    let living = Living::with_guest(HALT).await;
    std::fs::remove_file(living.directory().join("disk0.raw")).unwrap();
    let error = living.machine.reset(Reset::On).await.unwrap_err();
    assert!(format!("{error:#}").contains("disk0.raw"), "{error:#}");
    assert_eq!(living.machine.status().power, Power::Off);
}

#[tokio::test]
async fn an_image_that_nobody_waits_for_any_more_leaves_no_file() {
    // Another test of this process may have done so.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let living = Living::with_guest(HALT).await;
    let files = || living.directory().read_dir().unwrap().count();
    let before = files();
    // A server that accepts and says nothing.
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.iso", server.local_addr().unwrap());
    let url = url::Url::parse(&url).unwrap();
    let given_up = Duration::from_millis(200);
    tokio::time::timeout(given_up, living.machine.fetch(&url))
        .await
        .unwrap_err();
    assert_eq!(files(), before);
    let image = living.directory().join("image");
    std::fs::write(&image, "").unwrap();
    let url = url::Url::from_file_path(&image).unwrap();
    drop(living.machine.fetch(&url).await.unwrap());
    assert_eq!(files(), before + 1, "only the image itself");
}

#[tokio::test]
async fn a_medium_is_in_the_drive_or_its_file_is_gone() {
    let living = Living::with_guest(HALT).await;
    let image = living.directory().join("image");
    std::fs::write(&image, vec![1; 4096]).unwrap();
    let url = url::Url::from_file_path(&image).unwrap();
    let media = || {
        let names = living
            .directory()
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().ends_with("medium.iso"))
            .count()
    };
    living.insert(&url).await.unwrap();
    living.machine.reset(Reset::On).await.unwrap();
    assert_eq!(media(), 1);
    living.insert(&url).await.unwrap();
    assert_eq!(media(), 1, "the medium before is forgotten");
    living.machine.eject().await.unwrap();
    assert_eq!((media(), living.machine.status().medium), (0, None));
    living.insert(&url).await.unwrap();
    std::fs::remove_file(image).unwrap();
    living.machine.fetch(&url).await.unwrap_err();
    assert_eq!(
        (media(), living.machine.status().medium.unwrap().url),
        (1, url)
    );
}

#[tokio::test]
async fn a_guest_that_obeys_its_power_button_shuts_down_and_starts_again() {
    let living = Living::with_guest(OBEYING).await;
    living.machine.reset(Reset::On).await.unwrap();
    living.says(READY, 1).await;
    living.machine.reset(Reset::GracefulRestart).await.unwrap();
    living.says(READY, 2).await;
    let status = living.machine.status();
    assert_eq!((status.starts, status.power), (2, Power::On));
    living.machine.reset(Reset::GracefulShutdown).await.unwrap();
    living
        .until("off", |status| status.power == Power::Off)
        .await;
    assert_eq!(living.machine.status().starts, 2);
}

#[tokio::test]
async fn a_guest_boots_from_the_medium_in_its_drive_once() {
    let living = Living::with_guest(&saying(FROM_DISK)).await;
    let tree = living.directory().join("tree");
    std::fs::create_dir(&tree).unwrap();
    let mut loader = vec![0; 2048];
    let guest = saying(FROM_CD);
    loader[..guest.len()].copy_from_slice(&guest);
    std::fs::write(tree.join("boot.bin"), loader).unwrap();
    let image = living.directory().join("boot.iso");
    let arguments = [
        "-quiet",
        "-b",
        "boot.bin",
        "-no-emul-boot",
        "-boot-load-size",
        "4",
        "-o",
    ];
    let arguments = arguments.into_iter().map(std::ffi::OsString::from);
    crate::run::run(
        "genisoimage",
        arguments.chain([image.clone().into(), tree.into()]),
    )
    .await
    .unwrap();
    let url = url::Url::from_file_path(&image).unwrap();
    living.insert(&url).await.unwrap();
    living.set_boot(Target::Cd, Enabled::Once);
    living.machine.reset(Reset::On).await.unwrap();
    living.says(FROM_CD, 1).await;
    assert_eq!(living.boot(), (Target::None, Enabled::Disabled));
    living.machine.eject().await.unwrap();
    living.machine.reset(Reset::ForceRestart).await.unwrap();
    living.says(FROM_DISK, 1).await;
}

#[tokio::test]
async fn a_disk_is_taken_out_while_the_machine_is_off_and_put_in_again() {
    let living = Living::with_guest(&saying(FROM_DISK)).await;
    let machine = &living.machine;
    machine.put_disk(1, Place::Out).await.unwrap();
    machine.reset(Reset::On).await.unwrap();
    living.says(FROM_DISK, 1).await;
    let error = machine.put_disk(1, Place::In).await.unwrap_err();
    assert!(error.to_string().contains("node is on"), "{error}");
    machine.reset(Reset::ForceOff).await.unwrap();
    machine.put_disk(0, Place::Out).await.unwrap();
    assert_eq!(machine.status().pulled, BTreeSet::from([0, 1]));
    // Nothing of a disk that is out is opened.
    let disk = living.directory().join("disk0.raw");
    let shelf = living.directory().join("shelf");
    std::fs::rename(&disk, &shelf).unwrap();
    machine.reset(Reset::On).await.unwrap();
    machine.reset(Reset::ForceOff).await.unwrap();
    std::fs::rename(&shelf, &disk).unwrap();
    for index in [0, 1] {
        machine.put_disk(index, Place::In).await.unwrap();
    }
    machine.reset(Reset::On).await.unwrap();
    living.says(FROM_DISK, 2).await;
    let error = machine.put_disk(2, Place::Out).await.unwrap_err();
    assert!(error.to_string().contains("no disk 2"), "{error}");
}
