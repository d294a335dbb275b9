//! Whether KVM works here, found out by running a guest on it.
//!
//! That /dev/kvm can be opened proves nothing: on some hosts a guest then hangs at its first instruction, on others QEMU dies of the
//! processor that machines get, and on others real mode works and nothing behind it. So the probe has that processor and two guests:
//! a boot sector of five bytes that ends QEMU through its debug exit port, and UEFI firmware, which goes through every mode up to 64
//! bits with paging and says so on its serial line.

use std::fmt;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use crate::firmware::Ovmf;
use crate::run::lasting;

/// The guest itself takes milliseconds; QEMU read from a cold disk takes seconds.
const PROBE_DEADLINE: Duration = Duration::from_secs(10);
/// `mov al, 0x10; out 0xf4, al; hlt`
const PROBE_CODE: [u8; 5] = [0xb0, 0x10, 0xe6, 0xf4, 0xf4];
/// What QEMU makes of the value 0x10 on the debug exit port.
const PROBE_EXIT_STATUS: i32 = 0x10 << 1 | 1;

/// What UEFI firmware writes to its serial line when it begins to look for something to boot.
const FIRMWARE_IS_UP: &[u8] = b"BdsDxe";
/// What QEMU says, and stops the guest, when the host's KVM cannot do what the guest wants.
const KVM_FAILED: &[u8] = b"KVM internal error";
/// Takes two seconds on hardware.
const FIRMWARE_DEADLINE: Duration = Duration::from_secs(20);

/// Without AVX, because programs that choose it become slower when it is emulated: measured in a guest of QEMU 7.2, SHA-512 runs at
/// 46 MB/s without and 22 with it, SHA-256 at 16 and 10. Five-level paging only makes page faults dearer.
const EMULATED_CPU: &str = "max,la57=off,avx=off,avx2=off,f16c=off,fma=off";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accel {
    Kvm,
    Tcg,
}

impl Accel {
    pub async fn detect(ovmf: &Ovmf) -> Accel {
        match kvm_runs_guests(ovmf).await {
            Ok(true) => Accel::Kvm,
            Ok(false) => Accel::Tcg,
            Err(error) => {
                tracing::warn!("probing KVM failed, using software emulation: {error:#}");
                Accel::Tcg
            }
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Accel::Kvm => "kvm",
            Accel::Tcg => "tcg",
        }
    }

    pub fn qemu_options(self) -> [&'static str; 4] {
        match self {
            Accel::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Accel::Tcg => ["-accel", "tcg,thread=multi", "-cpu", EMULATED_CPU],
        }
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Accel::Kvm => "KVM",
            Accel::Tcg => "software emulation (guests do not run on KVM here)",
        })
    }
}

async fn kvm_runs_guests(ovmf: &Ovmf) -> anyhow::Result<bool> {
    if !std::path::Path::new("/dev/kvm").exists() {
        return Ok(false);
    }
    Ok(
        probe(Accel::Kvm, PROBE_DEADLINE).await? == Some(PROBE_EXIT_STATUS)
            && firmware_runs(Accel::Kvm, ovmf, FIRMWARE_DEADLINE).await?,
    )
}

/// Whether UEFI firmware comes up in time.
async fn firmware_runs(accel: Accel, ovmf: &Ovmf, deadline: Duration) -> anyhow::Result<bool> {
    let folder = tempfile::tempdir().context("making a folder for the probe")?;
    let variables = folder.path().join("vars.fd");
    ovmf.provide_variables(&variables)?;
    let flash = |unit: &str, path: &std::path::Path| {
        format!("if=pflash,format=raw,{unit},file={}", path.display())
    };
    let mut child = lasting("qemu-system-x86_64")
        .args(["-nodefaults", "-display", "none", "-machine", "q35", "-m"])
        .arg("256")
        .args(accel.qemu_options())
        .args(["-drive", &flash("unit=0,readonly=on", &ovmf.code)])
        .args(["-drive", &flash("unit=1", &variables)])
        .args(["-chardev", "stdio,id=serial,signal=off"])
        .args(["-serial", "chardev:serial"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting qemu-system-x86_64")?;
    let serial = child
        .stdout
        .take()
        .context("reading the probe's serial line")?;
    let complaints = child.stderr.take().context("reading what QEMU says")?;
    let said = async {
        tokio::select! {
            up = says(serial, FIRMWARE_IS_UP) => up,
            true = says(complaints, KVM_FAILED) => false,
        }
    };
    let up = timeout(deadline, said).await.unwrap_or(false);
    child.kill().await.context("ending the probe guest")?;
    Ok(up)
}

/// Whether these bytes come before the end.
async fn says(mut from: impl AsyncRead + Unpin, what: &[u8]) -> bool {
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        heard.extend_from_slice(&buffer[..length]);
        if heard.windows(what.len()).any(|window| window == what) {
            return true;
        }
    }
    false
}

/// Runs the probe guest; `None` if it did not end in time.
async fn probe(accel: Accel, deadline: Duration) -> anyhow::Result<Option<i32>> {
    let mut disk = tempfile::NamedTempFile::new().context("making the probe's disk")?;
    disk.write_all(&boot_sector())
        .context("writing the probe's disk")?;
    let mut child = lasting("qemu-system-x86_64")
        .args([
            "-nodefaults",
            "-display",
            "none",
            "-machine",
            "pc",
            "-m",
            "32",
        ])
        .args(accel.qemu_options())
        .args([
            "-device",
            "isa-debug-exit,iobase=0xf4,iosize=0x04",
            "-drive",
        ])
        .arg(format!("file={},format=raw,if=ide", disk.path().display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting qemu-system-x86_64")?;
    match timeout(deadline, child.wait()).await {
        Ok(status) => Ok(status.context("waiting for the probe guest")?.code()),
        Err(_) => {
            child.kill().await.context("ending the probe guest")?;
            Ok(None)
        }
    }
}

fn boot_sector() -> Vec<u8> {
    let mut sector = vec![0; 512];
    sector[..PROBE_CODE.len()].copy_from_slice(&PROBE_CODE);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same sector on software emulation must give the awaited status, or the probe would say no everywhere.
    #[tokio::test]
    async fn probe_guest_ends_with_its_status() {
        assert_eq!(
            probe(Accel::Tcg, Duration::from_secs(30)).await.unwrap(),
            Some(PROBE_EXIT_STATUS)
        );
    }

    #[tokio::test]
    async fn firmware_comes_up_or_does_not() {
        let ovmf = Ovmf::find().unwrap();
        let up = firmware_runs(Accel::Tcg, &ovmf, Duration::from_secs(120)).await;
        assert!(up.unwrap());
        let in_no_time = firmware_runs(Accel::Tcg, &ovmf, Duration::from_millis(1)).await;
        assert!(!in_no_time.unwrap());
    }

    #[tokio::test]
    async fn what_is_said_is_heard_across_reads() {
        let (one, other): (&[u8], &[u8]) = (b"...Bds", b"Dxe: loading");
        assert!(says(one.chain(other), FIRMWARE_IS_UP).await);
        assert!(!says(one, FIRMWARE_IS_UP).await);
    }
}
