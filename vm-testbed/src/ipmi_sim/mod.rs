//! OpenIPMI's simulator of a BMC, which a machine asks through its own IPMI device: QEMU hands the requests on by TCP.
//!
//! It runs as long as the lab, whether the machine is on or off. Of IPv6 it knows nothing, see `ipv6`.

mod ipv6;

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use crate::config::IpmiSim;
use crate::run::lasting;

pub use ipv6::Relay;

const START_DEADLINE: Duration = Duration::from_secs(10);
/// Files in the machine's directory, which the simulator runs in.
const SETTINGS: &str = "ipmi_sim.conf";
const COMMANDS: &str = "ipmi_sim.emu";
const NETWORK: &str = "ipmi_sim.lan";
const LOG: &str = "ipmi_sim.log";

/// Starts the simulator of the machine that this directory belongs to, and what stands before it if there is to be IPv6.
pub async fn start(settings: &IpmiSim, directory: &Path) -> anyhow::Result<(Child, Option<Relay>)> {
    let relay = match settings.ipv6 {
        Some(address) => Some(Relay::bind(settings.listen, address).await?),
        None => None,
    };
    let listen = relay.as_ref().map_or(settings.listen, Relay::simulator);
    let child = start_simulator(settings, listen, directory).await?;
    Ok((child, relay))
}

async fn start_simulator(
    settings: &IpmiSim,
    listen: SocketAddr,
    directory: &Path,
) -> anyhow::Result<Child> {
    write(&directory.join(SETTINGS), &settings_text(listen))?;
    write(&directory.join(COMMANDS), COMMANDS_TEXT)?;
    write(&directory.join(NETWORK), &network_text(settings))?;
    let log_path = directory.join(LOG);
    let log =
        File::create(&log_path).with_context(|| format!("creating {}", log_path.display()))?;
    // It writes to whoever has connected, also when that one is gone, and does not expect the signal for that.
    let mut child = lasting("env")
        .args(["--ignore-signal=PIPE", "ipmi_sim", "-n", "-p", "-s", "."])
        .args(["-c", SETTINGS, "-f", COMMANDS])
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .context("starting ipmi_sim")?;
    let up = wait_until_up(&mut child, listen, &log_path);
    let up = timeout(START_DEADLINE, up).await;
    up.unwrap_or_else(|_| bail!("ipmi_sim was not up in time, see {}", log_path.display()))?;
    Ok(child)
}

async fn wait_until_up(child: &mut Child, listen: SocketAddr, log: &Path) -> anyhow::Result<()> {
    while TcpStream::connect(listen).await.is_err() {
        if let Some(status) = child.try_wait().context("watching ipmi_sim")? {
            let said = fs::read_to_string(log).unwrap_or_default();
            bail!(
                "ipmi_sim ended at once ({status}; is the package openipmi installed?): {}",
                said.trim()
            );
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Its one BMC.
const COMMANDS_TEXT: &str = "\
    mc_setbmc 0x20\n\
    mc_add 0x20 0x20 no-device-sdrs 0x01 0x01 0x00 0x80 0x000000 0x0000\n\
    mc_enable 0x20\n";

/// The BMC has one network, on channel 1, and no users. The simulator runs the program with more words behind it, which
/// say what it wants to know; it gets everything.
fn settings_text(listen: SocketAddr) -> String {
    let place = format!("{} {}", listen.ip(), listen.port());
    format!(
        "# Written by ferric-testbed at each start.\n\
         name \"bmc\"\n\
         set_working_mc 0x20\n\
         startlan 1\n\
         addr {place}\n\
         lan_config_program \"cat {NETWORK} #\"\n\
         endlan\n\
         serial kcs {place} codec VM\n"
    )
}

fn network_text(settings: &IpmiSim) -> String {
    let IpmiSim { address, mac, .. } = settings;
    format!(
        "ip_addr:{address}\nip_addr_src:static\nsubnet_mask:255.255.255.0\nmac_addr:{mac}\n\
         default_gw_ip_addr:0.0.0.0\ndefault_gw_mac_addr:00:00:00:00:00:00\n\
         backup_gw_ip_addr:0.0.0.0\nbackup_gw_mac_addr:00:00:00:00:00:00\n"
    )
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// The last byte of a message, and of what machine and simulator tell each other beside the messages.
    const END_OF_MESSAGE: u8 = 0xa0;
    const END_OF_CONTROL: u8 = 0xa1;

    fn settings() -> IpmiSim {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        IpmiSim {
            listen: free.local_addr().unwrap(),
            address: [192, 0, 2, 7].into(),
            mac: "52:54:00:FE:02:01".to_owned().try_into().unwrap(),
            ipv6: None,
        }
    }

    /// What follows the completion code and the revision of a parameter of the BMC's network, asked for as QEMU does it:
    /// sequence number, function, command, channel 1, parameter, check sum.
    async fn parameter(listen: SocketAddr, number: u8) -> io::Result<Vec<u8>> {
        let mut connection = TcpStream::connect(listen).await?;
        let mut request = vec![1, 0x0c << 2, 0x02, 1, number, 0, 0];
        let sum = request
            .iter()
            .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        request.extend([sum.wrapping_neg(), END_OF_MESSAGE]);
        connection.write_all(&request).await?;
        let mut answer = Vec::new();
        while answer.last() != Some(&END_OF_MESSAGE) {
            answer.push(connection.read_u8().await?);
            if answer.last() == Some(&END_OF_CONTROL) {
                answer.clear();
            }
        }
        assert_eq!(answer[..5], [1, 0x0d << 2, 0x02, 0, 0x11], "{answer:x?}");
        Ok(answer[5..answer.len() - 2].to_vec())
    }

    /// Asks until there is an answer: who comes while the one before is not known to have left is sent away.
    async fn answered(listen: SocketAddr, number: u8) -> Vec<u8> {
        let ask = async {
            loop {
                if let Ok(data) = parameter(listen, number).await {
                    return data;
                }
            }
        };
        timeout(START_DEADLINE, ask).await.unwrap()
    }

    #[tokio::test]
    async fn the_bmc_says_the_addresses_that_it_was_given_to_one_machine_after_another() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings();
        let (mut child, relay) = start(&settings, directory.path()).await.unwrap();
        assert!(relay.is_none());
        for _ in 0..3 {
            // A QEMU that ends at once.
            drop(TcpStream::connect(settings.listen).await.unwrap());
            assert_eq!(answered(settings.listen, 3).await, [192, 0, 2, 7]);
            let mac = answered(settings.listen, 5).await;
            assert_eq!(mac, [0x52, 0x54, 0x00, 0xfe, 0x02, 0x01]);
        }
        assert_eq!(child.try_wait().unwrap(), None, "it stays");
    }

    #[tokio::test]
    async fn an_ipv6_address_is_answered_before_the_simulator_and_the_rest_by_it() {
        let directory = tempfile::tempdir().unwrap();
        let settings = IpmiSim {
            ipv6: Some("2001:db8::7".parse().unwrap()),
            ..settings()
        };
        let (_child, relay) = start(&settings, directory.path()).await.unwrap();
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(relay.unwrap().serve());
        for _ in 0..2 {
            assert_eq!(answered(settings.listen, 51).await, [2]);
            assert_eq!(answered(settings.listen, 3).await, [192, 0, 2, 7]);
            let address = answered(settings.listen, 56).await;
            assert_eq!(address[..6], [0, 0x80, 0x20, 0x01, 0x0d, 0xb8]);
        }
    }

    #[tokio::test]
    async fn a_simulator_that_does_not_start_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings();
        // IPMI over LAN has the same port.
        let _taken = std::net::UdpSocket::bind(settings.listen).unwrap();
        let error = start(&settings, directory.path()).await.unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("Address already in use"), "{error}");
    }
}
