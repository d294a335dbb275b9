//! dnsmasq for DHCP and TFTP on the lab's bridge, steered by the files that a provisioner writes.
//!
//! It runs with `--no-daemon` because only then it leaves users and groups alone, which it may not change in a user namespace.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use crate::config::{self, Network};
use crate::run::lasting;

const START_DEADLINE: Duration = Duration::from_secs(10);
/// The boot programs of the ipxe package, for a TFTP root that nobody else fills.
const BOOT_PROGRAMS: [&str; 2] = ["/usr/lib/ipxe/snponly.efi", "/usr/lib/ipxe/undionly.kpxe"];

/// Where this lab's dnsmasq reads and writes.
struct Places {
    directory: PathBuf,
    hosts: PathBuf,
    options: PathBuf,
    tftp: PathBuf,
}

pub async fn start(
    lab: &config::Dnsmasq,
    network: &Network,
    state: &Path,
) -> anyhow::Result<Child> {
    let places = Places::make(lab, state)?;
    let settings = places.directory.join("dnsmasq.conf");
    write(&settings, &settings_text(lab, network, &places))?;
    let log_path = places.directory.join("dnsmasq.log");
    let log =
        File::create(&log_path).with_context(|| format!("creating {}", log_path.display()))?;
    let mut child = lasting("dnsmasq")
        .arg("--no-daemon")
        .arg(format!("--conf-file={}", settings.display()))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .context("starting dnsmasq")?;
    let up = timeout(START_DEADLINE, wait_until_up(&mut child, &log_path)).await;
    up.unwrap_or_else(|_| bail!("dnsmasq was not up in time, see {}", log_path.display()))?;
    Ok(child)
}

async fn wait_until_up(child: &mut Child, log: &Path) -> anyhow::Result<()> {
    loop {
        let said = fs::read_to_string(log).unwrap_or_default();
        if said.contains("DHCP, IP range") {
            return Ok(());
        }
        if let Some(status) = child.try_wait().context("watching dnsmasq")? {
            bail!("dnsmasq ended at once ({status}): {}", said.trim());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

impl Places {
    fn make(lab: &config::Dnsmasq, state: &Path) -> anyhow::Result<Places> {
        let directory = state.join("dnsmasq");
        let or = |given: &Option<PathBuf>, fallback: PathBuf| given.clone().unwrap_or(fallback);
        let places = Places {
            hosts: or(&lab.hostsdir, directory.join("hosts")),
            options: or(&lab.optsdir, directory.join("opts")),
            tftp: or(&lab.tftp_root, state.join("tftp")),
            directory,
        };
        for path in [
            &places.directory,
            &places.hosts,
            &places.options,
            &places.tftp,
        ] {
            fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))?;
        }
        if lab.tftp_root.is_none() {
            places.fill_tftp()?;
        }
        Ok(places)
    }

    fn fill_tftp(&self) -> anyhow::Result<()> {
        for program in BOOT_PROGRAMS.map(Path::new) {
            let name = program.file_name().context("a boot program has a name")?;
            fs::copy(program, self.tftp.join(name)).with_context(|| {
                format!(
                    "copying {} (is the package ipxe installed?)",
                    program.display()
                )
            })?;
        }
        Ok(())
    }
}

fn settings_text(lab: &config::Dnsmasq, network: &Network, places: &Places) -> String {
    let mut text = format!(
        "# Written by ferric-testbed at each start.\n\
         port=0\nno-resolv\nno-hosts\ninterface={bridge}\nbind-interfaces\nexcept-interface=lo\n\
         log-dhcp\ndhcp-authoritative\nno-ping\ndhcp-range={start},{end},1h\n\
         dhcp-leasefile={leases}\ndhcp-hostsdir={hosts}\ndhcp-optsdir={options}\n\
         dhcp-userclass=set:ipxe,iPXE\ndhcp-match=set:ipxe,175\n\
         dhcp-match=set:efi64,option:client-arch,7\ndhcp-match=set:efi64,option:client-arch,9\n\
         enable-tftp\ntftp-root={tftp}\n",
        bridge = network.bridge,
        start = network.dhcp.start,
        end = network.dhcp.end,
        leases = places.directory.join("leases").display(),
        hosts = places.hosts.display(),
        options = places.options.display(),
        tftp = places.tftp.display(),
    );
    if lab.ignore_unknown {
        text.push_str("dhcp-ignore=tag:!ironic\n");
    }
    text
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
