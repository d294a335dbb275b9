//! A machine in memory: when it is switched on with the network as boot device, a ramdisk comes up, looks up, beats and
//! serves commands. It lives on when the conductor dies.

use super::agent::{Agent, Effect, Manners, Plan};
use crate::conductor::requests::{
    HeartbeatRequest, InspectionRequest, LookupRequest, RequestError, TokenUse,
};
use crate::conductor::{AgentAnswer, AgentCall, AgentTransport, Conductor, TransportError, Verb};
use async_trait::async_trait;
use ferric_agent_protocol::dial_out::CALLBACK_URL;
use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::headers::{FERRIC_COMMAND_ID, HIDDEN_TOKEN, LOG_QUERY, TOKEN_QUERY};
use ferric_agent_protocol::heartbeat::Heartbeat;
use ferric_drivers::{BootDevice, FakeMachine, PowerState};
use ferric_model::ids::{MacAddress, NodeId};
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// From power on to the first word of the ramdisk.
const BOOT_TIME: Duration = Duration::from_secs(20);
const RETRY: Duration = Duration::from_secs(5);
/// Longer than any of these conductors takes, unless it is stopped.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
pub(in crate::conductor) const ADDRESS: &str = "52:54:00:00:00:01";
pub(in crate::conductor) const URL: &str = "https://192.0.2.9:9999";

/// What a test can look at and change.
#[derive(Default)]
pub(in crate::conductor) struct State {
    pub(in crate::conductor) conductor: Option<Conductor>,
    pub(in crate::conductor) plan: Plan,
    pub(in crate::conductor) agent: Option<Agent>,
    /// How often an image was begun to be written.
    pub(in crate::conductor) writes: u32,
    pub(in crate::conductor) erasures: u32,
    /// The steps that agents were told to do, in order.
    pub(in crate::conductor) steps: Vec<String>,
    /// The parameters of the last `write_image`.
    pub(in crate::conductor) written: serde_json::Value,
    /// Never gets as far as asking for something to boot.
    pub(in crate::conductor) stuck: bool,
    /// Does not answer, though it is on.
    pub(in crate::conductor) silent: bool,
    /// The commands that were taken, in order.
    pub(in crate::conductor) told: Vec<String>,
    /// The service steps among them.
    pub(in crate::conductor) services: Vec<String>,
    /// The parameters of the last `finalize_rescue`.
    pub(in crate::conductor) rescue: serde_json::Value,
    /// Whether it was seen without power.
    pub(in crate::conductor) was_off: bool,
}

impl State {
    fn note(&mut self, body: &serde_json::Value, is_new: bool) {
        let (name, params) = (body["name"].as_str().unwrap_or_default(), &body["params"]);
        if name == "rescue.finalize_rescue" {
            self.rescue = params.clone();
        }
        if !is_new {
            return;
        }
        self.told.push(name.to_owned());
        self.count(params);
        if name == "service.execute_service_step" {
            let step = params["step"]["step"].as_str();
            self.services.push(step.unwrap_or_default().to_owned());
        }
    }

    /// What an agent was told to do.
    fn count(&mut self, params: &serde_json::Value) {
        let step = params["step"]["step"].as_str();
        self.steps.extend(step.map(str::to_owned));
        match step {
            Some("write_image") => {
                self.writes += 1;
                self.written = params.clone();
            }
            Some("erase_devices_metadata") => self.erasures += 1,
            _ => {}
        }
    }
}

pub(in crate::conductor) struct Machine {
    pub(in crate::conductor) node: NodeId,
    pub(in crate::conductor) address: MacAddress,
    pub(in crate::conductor) bmc: Arc<FakeMachine>,
    pub(in crate::conductor) state: Mutex<State>,
}

impl Machine {
    /// Watches the power for ever.
    pub(in crate::conductor) async fn live(self: Arc<Self>) {
        let mut boots = 0;
        loop {
            sleep(Duration::from_millis(500)).await;
            let off = self.bmc.power() == PowerState::Off;
            let history = self.bmc.boots();
            self.state.lock().was_off |= off;
            if off || history.len() != boots {
                self.state.lock().agent = None;
            }
            if off || history.len() == boots {
                continue;
            }
            boots = history.len();
            let (broken, stuck) = {
                let state = self.state.lock();
                (state.plan.broken, state.stuck)
            };
            if !broken && !stuck && history.last() == Some(&Some(BootDevice::Pxe)) {
                sleep(BOOT_TIME).await;
                if self.is_same_boot(boots) {
                    self.come_up(boots).await;
                }
            }
        }
    }

    fn is_same_boot(&self, boots: usize) -> bool {
        self.bmc.power() == PowerState::On && self.bmc.boots().len() == boots
    }

    /// Boots the ramdisk again, without the BMC having been asked.
    pub(in crate::conductor) async fn reset(self: &Arc<Self>) {
        self.reset_within(BOOT_TIME).await;
    }

    /// The same where the ramdisk takes so long to look up.
    pub(in crate::conductor) async fn reset_within(self: &Arc<Self>, boot_time: Duration) {
        self.state.lock().agent = None;
        self.ask_for_boot_script();
        sleep(boot_time).await;
        let boots = self.bmc.boots().len();
        self.come_up(boots).await;
    }

    /// As the machine's firmware does, or anybody on its network.
    pub(in crate::conductor) fn ask_for_boot_script(&self) {
        if let Some(conductor) = self.conductor() {
            conductor.note_boot_request(self.node, format!("boot script of {}", self.address));
        }
    }

    async fn come_up(&self, boots: usize) {
        self.state.lock().agent = Some(Agent::new(boots));
        self.inspect().await;
        while self.is_same_boot(boots) {
            match self.look_up().await {
                // As any agent: nothing but a restart of the machine helps.
                Some(token) if token == HIDDEN_TOKEN => return,
                Some(token) => {
                    if let Some(agent) = &mut self.state.lock().agent {
                        agent.token = Some(token);
                    }
                    break;
                }
                None => sleep(RETRY).await,
            }
        }
        while self.is_same_boot(boots) && !self.beat().await {
            sleep(RETRY).await;
        }
    }

    pub(in crate::conductor) fn conductor(&self) -> Option<Conductor> {
        self.state.lock().conductor.clone()
    }

    fn extensions(&self) -> Extensions {
        match self.state.lock().plan.manners {
            Manners::Ferric => Extensions::all(),
            Manners::Ironic => Extensions::default(),
        }
    }

    /// As Ironic's agent: a few attempts while nobody answers, then on to the lookup.
    async fn inspect(&self) {
        for _ in 0..3 {
            let Some(conductor) = self.conductor() else {
                sleep(RETRY).await;
                continue;
            };
            let data = json!({"inventory": inventory(), "error": null});
            let request = InspectionRequest {
                node_uuid: None,
                data: data.as_object().cloned().unwrap_or_default(),
                extensions: self.extensions(),
                token: TokenUse::Unknown,
                from: None,
            };
            let sent = in_time(conductor.continue_inspection(request)).await;
            match sent.unwrap_or(Err(no_answer())) {
                Err(RequestError::Busy { .. } | RequestError::Internal { .. }) => {
                    sleep(RETRY).await
                }
                _ => return,
            }
        }
    }

    /// The token that it is given, or asterisks.
    pub(in crate::conductor) async fn look_up(&self) -> Option<String> {
        let request = LookupRequest {
            addresses: vec![self.address.clone()],
            node_uuid: None,
            extensions: self.extensions(),
            token: TokenUse::Known,
            from: None,
        };
        let answer = in_time(self.conductor()?.lookup(request)).await?.ok()?;
        answer.token
    }

    async fn beat(&self) -> bool {
        let Some(conductor) = self.conductor() else {
            return false;
        };
        let dials_out = self.state.lock().plan.dials_out;
        let (token, certificate) = match &self.state.lock().agent {
            Some(agent) => (agent.token.clone(), agent.certificate.clone()),
            None => return true,
        };
        let url = if dials_out { CALLBACK_URL } else { URL };
        let heartbeat = Heartbeat {
            callback_url: url.to_owned(),
            agent_token: token,
            agent_version: Some("1".to_owned()),
            agent_verify_ca: Some(certificate).filter(|_| !dials_out),
            ..Heartbeat::default()
        };
        let request = HeartbeatRequest {
            heartbeat,
            from: None,
        };
        let sent = in_time(conductor.heartbeat(self.node, request)).await;
        sent.is_some_and(|answer| answer.is_ok())
    }
}

/// As agents do, it waits for no answer for ever.
async fn in_time<T>(answer: impl Future<Output = T>) -> Option<T> {
    timeout(ANSWER_LIMIT, answer).await.ok()
}

fn no_answer() -> RequestError {
    RequestError::internal("waiting for an answer", "none came")
}

/// What its agent finds.
pub(in crate::conductor) fn inventory() -> serde_json::Value {
    json!({
        "interfaces": [{"name": "eth0", "mac_address": ADDRESS}],
        "cpu": {"architecture": "x86_64", "count": 4},
        "memory": {"physical_mb": 2048},
        "disks": [{"name": "/dev/vda", "size": 10_u64 << 30}],
        "boot": {"current_boot_mode": "bios", "pxe_interface": ADDRESS},
        "bmc_address": "0.0.0.0",
    })
}

/// The network to one machine's agent.
pub(in crate::conductor) struct Wire(pub(super) Arc<Machine>);

#[async_trait]
impl AgentTransport for Wire {
    async fn send(&self, call: AgentCall) -> Result<AgentAnswer, TransportError> {
        sleep(Duration::from_millis(10)).await;
        assert!(
            !self.0.state.lock().plan.panicking,
            "a fault in the program"
        );
        let mut state = self.0.state.lock();
        let plan = state.plan.clone();
        let down = || TransportError::Down("connection refused".to_owned());
        if state.silent || self.0.bmc.power() == PowerState::Off {
            return Err(down());
        }
        let agent = state.agent.as_mut().ok_or_else(down)?;
        if call.certificate.as_ref() != Some(&agent.certificate) {
            return Err(TransportError::Down("another certificate".to_owned()));
        }
        let token = call
            .query
            .iter()
            .find(|(key, _)| *key == TOKEN_QUERY)
            .map(|(_, token)| token);
        if token.is_none() || token != agent.token.as_ref() {
            return Ok(AgentAnswer {
                status: 401,
                body: json!({"faultstring": "401 Unauthorized: Token invalid."}),
            });
        }
        if call.verb == Verb::Get {
            let place = call.query.iter().find(|(key, _)| *key == LOG_QUERY);
            let body = match place {
                Some((_, place)) => agent.list_with_log(place, plan.log),
                None => agent.list(),
            };
            return Ok(AgentAnswer { status: 200, body });
        }
        let id = call
            .headers
            .iter()
            .find(|(name, _)| *name == FERRIC_COMMAND_ID);
        let id = id
            .filter(|_| plan.manners == Manners::Ferric)
            .and_then(|(_, id)| id.parse().ok());
        let known = agent.list().to_string();
        let body = call.body.unwrap_or_default();
        let request: ferric_agent_protocol::command::CommandRequest =
            serde_json::from_value(body.clone()).unwrap();
        match agent.post(request, id, &plan) {
            Err(fault) => Ok(AgentAnswer {
                status: 409,
                body: json!({"faultstring": fault}),
            }),
            Ok((answer, effect)) => {
                let is_new = !known.contains(answer["id"].as_str().unwrap());
                state.note(&body, is_new);
                match effect {
                    Effect::PowerOff => self.0.bmc.force_power(PowerState::Off),
                    Effect::Silence => state.agent = None,
                    Effect::None => {}
                }
                if plan.losing.is_some() && plan.losing == body["name"].as_str() {
                    state.plan.losing = None;
                    return Err(down());
                }
                Ok(AgentAnswer {
                    status: 200,
                    body: answer,
                })
            }
        }
    }
}
