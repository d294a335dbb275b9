//! A machine: it looks at its BMC's file, boots what it is told to, and its ramdisk finds the conductor, beats and
//! serves commands. It lives on while conductors die, and asks again when nobody answers.

use super::agent::{AFTER, Agent, Hardware, Manners};
use super::bmc::Bmc;
use super::client::Client;
use super::serve::serve;
use parking_lot::Mutex;
use rcgen::{CertificateParams, KeyPair, SanType};
use reqwest::Method;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// Between two looks at the BMC's file.
const LOOK: Duration = Duration::from_millis(5);
/// From power on to the ramdisk's first word.
const BOOT: Duration = Duration::from_millis(300);
/// Firmware and lookup ask again so often; heartbeats that failed wait as long as those of real agents do.
const RETRY: Duration = Duration::from_secs(1);
const BEAT_RETRY: Duration = Duration::from_secs(5);
const BEAT: Duration = Duration::from_secs(100);

/// The firmware it boots by: for UEFI a boot entry is made, which takes a step of the agent more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Firmware {
    Bios,
    Uefi,
}

pub struct Machine {
    pub hardware: Arc<Hardware>,
    pub mac: String,
    pub uuid: String,
    pub bmc: Bmc,
    pub conductor: Client,
    /// What it booted from, in order.
    pub boots: Mutex<Vec<String>>,
}

impl Machine {
    /// For ever.
    pub async fn live(self: Arc<Self>) {
        let mut ramdisk: Option<(Arc<Agent>, JoinSet<()>)> = None;
        let mut boots = 0;
        loop {
            sleep(LOOK).await;
            // A look may come while the file is replaced; the next one sees it.
            let Ok(seen) = self.bmc.look() else { continue };
            if (!seen.on || seen.boots != boots)
                && let Some((agent, _tasks)) = ramdisk.take()
            {
                agent.die();
            }
            if !seen.on || seen.boots == boots {
                continue;
            }
            boots = seen.boots;
            let device = seen.booted_from.unwrap_or_default();
            let is_network = device == "pxe";
            self.boots.lock().push(device);
            if is_network {
                let (agent, power_off) = Agent::new(self.hardware.clone());
                let mut tasks = JoinSet::new();
                tasks.spawn(self.clone().run(agent.clone()));
                let machine = self.clone();
                tasks.spawn(async move {
                    if power_off.await.is_ok() {
                        // Long enough for the answer to be on its way.
                        sleep(AFTER + Duration::from_millis(15)).await;
                        machine.bmc.switch_off().expect("the machine has a BMC");
                    }
                });
                ramdisk = Some((agent, tasks));
            }
        }
    }

    async fn run(self: Arc<Self>, agent: Arc<Agent>) {
        sleep(BOOT).await;
        if !self.load().await {
            return; // On to the disk.
        }
        let (pem, acceptor) = certificate().expect("a certificate can be made");
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let served = agent.clone();
        let serving = serve(listener, Some(acceptor), move |request| {
            served.clone().answer(request)
        });
        let introducing = async {
            let token = self.look_up().await;
            *agent.token.lock() = Some(token.clone());
            let beat = json!({
                "callback_url": format!("https://{address}"), "agent_token": token,
                "agent_version": "11.3.0", "agent_verify_ca": pem,
            });
            loop {
                let pause = if self.beat(&beat).await {
                    BEAT
                } else {
                    BEAT_RETRY
                };
                // A command that has ended is told at once.
                drop(timeout(pause, agent.command_ended.notified()).await);
            }
        };
        tokio::join!(serving, introducing);
    }

    /// As iPXE: the script, then kernel and ramdisk if it says so.
    async fn load(&self) -> bool {
        let mac = self.mac.replace(':', "-");
        let script = format!("/boot/{mac}.ipxe");
        let script = loop {
            match self.conductor.get(&script).await {
                Ok(script) => break script,
                Err(_) => sleep(RETRY).await,
            }
        };
        if !script.to_string().contains("kernel ") {
            return false;
        }
        let files = format!("/boot/files/{}", self.uuid);
        for path in [format!("{files}/kernel"), format!("{files}/ramdisk")] {
            while self.conductor.get(&path).await.is_err() {
                sleep(RETRY).await;
            }
        }
        true
    }

    /// Until a token comes.
    async fn look_up(&self) -> String {
        let path = format!("/v1/lookup?addresses={}&node_uuid={}", self.mac, self.uuid);
        let ours = ("X-Ferric-Agent", "progress, epoch");
        let header = (self.hardware.manners == Manners::Ferric).then_some(ours);
        loop {
            let answer = self.conductor.call(Method::GET, &path, None, header).await;
            if let Ok(answer) = answer
                && answer.status == 200
                && let Some(token) = answer.body["config"]["agent_token"].as_str()
                && token != "******"
            {
                return token.to_owned();
            }
            sleep(RETRY).await;
        }
    }

    async fn beat(&self, beat: &serde_json::Value) -> bool {
        let path = format!("/v1/heartbeat/{}", self.uuid);
        self.conductor.post(&path, beat).await.is_ok()
    }
}

/// As Ironic's agent makes it: self-signed, anew at each boot.
fn certificate() -> anyhow::Result<(String, TlsAcceptor)> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.subject_alt_names = vec![SanType::IpAddress("127.0.0.1".parse()?)];
    let certificate = params.self_signed(&key)?;
    let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;
    Ok((certificate.pem(), TlsAcceptor::from(Arc::new(config))))
}
