//! Commands to one agent: asking, starting, waiting for the end; what Ironic's agent and ours have in common.

use super::patience::{Patience, RETRY_INTERVAL};
use super::transport::{AgentAnswer, AgentCall, AgentTransport, TransportError, Verb};
use crate::conductor::Conductor;
use crate::conductor::planted::Planted;
use ferric_agent_protocol::command::{CommandList, CommandRequest, CommandResult, CommandStatus};
use ferric_agent_protocol::extensions::Extension;
use ferric_agent_protocol::headers::{FERRIC_COMMAND_ID, FERRIC_EPOCH, LOG_QUERY, TOKEN_QUERY};
use ferric_agent_protocol::log::LogPlace;
use ferric_model::ids::NodeId;
use ferric_model::node::agent_session::AgentSession;
use ferric_model::node::{Node, Object};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// For requests that are answered at once by an agent that is there at all.
const QUICK: Duration = Duration::from_secs(10);
/// For commands whose end is waited for within a step: ten minutes in all, as in Ironic.
const POLLS: u32 = 200;
const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// Why an agent did not do what it was told. The texts end up in `last_error`.
#[derive(Debug, thiserror::Error)]
pub(in crate::conductor) enum AgentError {
    #[error("no agent is up on the machine")]
    NotThere,
    #[error("the agent did not answer {command}: check the machine's console and its network")]
    Unreachable {
        command: String,
        #[source]
        source: TransportError,
    },
    #[error("the agent refused {command} ({status}): {fault}")]
    Refused {
        command: String,
        status: u16,
        fault: String,
    },
    #[error("the agent answered {command} with something unusable: {problem}")]
    Unusable { command: String, problem: String },
    #[error("{0}")]
    Failed(String),
    #[error("the agent did not finish {0} in time")]
    TookTooLong(String),
}

impl AgentError {
    /// The agent's own words about a command that failed.
    pub(in crate::conductor) fn of(command: &CommandResult) -> Self {
        Self::Failed(failure(command).unwrap_or_else(|| format!("{} failed", command.command_name)))
    }
}

/// Why the command failed; `None` when it did not.
pub(in crate::conductor) fn failure(command: &CommandResult) -> Option<String> {
    match command.command_status {
        CommandStatus::Running | CommandStatus::Succeeded => None,
        CommandStatus::Failed => {
            let text = command
                .command_error
                .as_ref()
                .map_or("", |error| error.text());
            Some(if text.is_empty() {
                format!("the agent's command {} failed", command.command_name)
            } else {
                text.to_owned()
            })
        }
        CommandStatus::CleanVersionMismatch | CommandStatus::VersionMismatch => Some(
            "the agent's hardware managers have changed since it told its steps: start again"
                .to_owned(),
        ),
    }
}

/// Whether the agent takes the ids that we choose for commands.
pub(in crate::conductor) fn takes_command_ids(node: &Node) -> bool {
    let agreed = |session: &AgentSession| has(session, Extension::Epoch);
    node.agent.as_ref().is_some_and(agreed)
}

/// Whether both sides have agreed to it.
pub(super) fn has(session: &AgentSession, extension: Extension) -> bool {
    let mut names = session.extensions.iter();
    names.any(|name| name == extension.name())
}

/// The value of [`LOG_QUERY`].
fn log_place(session: &AgentSession) -> Option<String> {
    if !has(session, Extension::Log) {
        return None;
    }
    let place = session.log.as_ref().map(|mark| LogPlace {
        run: mark.run,
        next: mark.next,
    });
    Some(place.map(|place| place.to_string()).unwrap_or_default())
}

/// An id that follows from another one and a word.
pub(in crate::conductor) fn command_id(base: &Uuid, word: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update(base.as_bytes())
        .chain_update(word.as_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// The agent that a heartbeat told of.
pub(in crate::conductor) struct AgentClient {
    node: NodeId,
    transport: Arc<dyn AgentTransport>,
    url: String,
    token: String,
    certificate: Option<String>,
    /// Set when the agent takes our headers.
    epoch: Option<u64>,
    /// From where on its log is asked for, when it tells it.
    log: Option<String>,
    timeout: Duration,
    /// Chooses an id for each try, where that fault is planted.
    chooser: Option<Conductor>,
}

impl AgentClient {
    /// # Errors
    /// [`AgentError::NotThere`] until a heartbeat has shown the token.
    pub(in crate::conductor) fn of(conductor: &Conductor, node: &Node) -> Result<Self, AgentError> {
        let session = node
            .agent
            .as_ref()
            .filter(|session| session.is_ready())
            .ok_or(AgentError::NotThere)?;
        let url = session.url.as_ref().ok_or(AgentError::NotThere)?;
        let token = session.token.as_ref().ok_or(AgentError::NotThere)?;
        let epoch = node
            .ownership
            .as_ref()
            .filter(|_| takes_command_ids(node))
            .map(|owner| owner.epoch.0);
        Ok(Self {
            node: node.uuid,
            transport: conductor.transport().clone(),
            url: format!("{}/v1/commands/", url.trim_end_matches('/')),
            token: token.0.clone(),
            certificate: session
                .certificate
                .clone()
                .filter(|_| url.starts_with("https:")),
            epoch,
            log: log_place(session),
            timeout: crate::config::seconds(conductor.settings().agent.request_timeout_s),
            chooser: conductor
                .planted(Planted::CommandSentTwice)
                .then(|| conductor.clone()),
        })
    }

    /// With another bound on each request.
    pub(in crate::conductor) fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// All commands since the ramdisk was booted, oldest first. Asked once.
    pub(in crate::conductor) async fn list(&self) -> Result<CommandList, AgentError> {
        let command = "the question for its commands";
        let answer = self.send(command, Request::default()).await?;
        parse(command, answer)
    }

    /// The same, with what is new in its log where it tells that.
    pub(in crate::conductor) async fn list_with_log(&self) -> Result<CommandList, AgentError> {
        let command = "the question for its commands";
        let request = Request {
            log: self.log.clone(),
            ..Request::default()
        };
        let answer = self.send(command, request).await?;
        parse(command, answer)
    }

    /// The list for those who cannot ask again later.
    pub(in crate::conductor) async fn list_patiently(&self) -> Result<CommandList, AgentError> {
        let mut patience = self.patience("false");
        loop {
            match self.list().await {
                Err(error) if patience.lasts(is_passing(&error)) => sleep(RETRY_INTERVAL).await,
                outcome => return outcome,
            }
        }
    }

    /// Asks for something that is answered at once and may be asked twice.
    pub(in crate::conductor) async fn ask(
        &self,
        name: &str,
        params: Object,
    ) -> Result<CommandResult, AgentError> {
        let mut patience = self.patience("true");
        let answer = loop {
            match self.post(name, params.clone(), "true", None).await {
                Err(error) if patience.lasts(is_passing(&error)) => sleep(RETRY_INTERVAL).await,
                outcome => break outcome?,
            }
        };
        match failure(&answer) {
            None => Ok(answer),
            Some(text) => Err(AgentError::Failed(text)),
        }
    }

    /// Starts a command once, however often it has to be sent: our agent knows it by its id; with Ironic's the list has
    /// grown if an answer got lost on the way.
    pub(in crate::conductor) async fn start(
        &self,
        name: &str,
        params: Object,
        id: Uuid,
    ) -> Result<CommandResult, AgentError> {
        let before = match self.epoch {
            Some(_) => 0,
            None => self.list_patiently().await?.commands.len(),
        };
        let mut patience = self.patience("false");
        loop {
            let id = self.chooser.as_ref().map_or(id, Conductor::new_id);
            let outcome = self.post(name, params.clone(), "false", Some(id)).await;
            let Err(error) = outcome else {
                return outcome;
            };
            if self.epoch.is_none()
                && is_passing(&error)
                && let Some(ours) = Box::pin(self.newest(name, before)).await?
            {
                return Ok(ours);
            }
            if !patience.lasts(is_passing(&error)) {
                return Err(error);
            }
            sleep(RETRY_INTERVAL).await;
        }
    }

    /// Starts a command and waits for its end.
    pub(in crate::conductor) async fn finish(
        &self,
        name: &str,
        params: Object,
        id: Uuid,
    ) -> Result<(), AgentError> {
        let mut last = self.start(name, params, id).await?;
        for _ in 0..POLLS {
            if last.is_done() {
                return failure(&last).map_or(Ok(()), |text| Err(AgentError::Failed(text)));
            }
            sleep(POLL_INTERVAL).await;
            let mut commands = self.list_patiently().await?.commands.into_iter();
            let found = commands.find(|command| command.id == last.id);
            last = found.ok_or_else(|| AgentError::Unusable {
                command: name.to_owned(),
                problem: "it has forgotten the command".to_owned(),
            })?;
        }
        Err(AgentError::TookTooLong(name.to_owned()))
    }

    /// The last command, if it came after the first `before` and has this name. An agent that does not tell must not be
    /// sent it once more: it may be done by now.
    async fn newest(&self, name: &str, before: usize) -> Result<Option<CommandResult>, AgentError> {
        let short = name.rsplit('.').next().unwrap_or(name);
        let mut commands = self.list_patiently().await?.commands;
        let last = commands.pop().filter(|_| commands.len() >= before);
        Ok(last.filter(|last| last.command_name == short))
    }

    async fn post(
        &self,
        name: &str,
        params: Object,
        wait: &'static str,
        id: Option<Uuid>,
    ) -> Result<CommandResult, AgentError> {
        let name_of = name.to_owned();
        let body = serde_json::to_value(CommandRequest {
            name: name_of,
            params,
        });
        let body = Some(body.map_err(|error| unusable(name, &error))?);
        let answer = self
            .send(
                name,
                Request {
                    wait: Some(wait),
                    body,
                    id,
                    log: None,
                },
            )
            .await?;
        parse(name, answer)
    }

    /// The bound on a request that has the agent wait for the command's end, or not.
    fn bound(&self, wait: Option<&str>) -> Duration {
        match wait {
            Some("true") => self.timeout,
            _ => self.timeout.min(QUICK),
        }
    }

    fn patience(&self, wait: &str) -> Patience {
        Patience::new(self.bound(Some(wait)))
    }

    async fn send(&self, command: &str, request: Request) -> Result<AgentAnswer, AgentError> {
        let mut query = vec![(TOKEN_QUERY, self.token.clone())];
        query.extend(request.wait.map(|wait| ("wait", wait.to_owned())));
        query.extend(request.log.map(|place| (LOG_QUERY, place)));
        let mut headers = Vec::new();
        if let Some(epoch) = self.epoch.filter(|_| request.body.is_some()) {
            headers.push((FERRIC_EPOCH, epoch.to_string()));
            headers.extend(request.id.map(|id| (FERRIC_COMMAND_ID, id.to_string())));
        }
        let call = AgentCall {
            node: self.node,
            verb: if request.body.is_some() {
                Verb::Post
            } else {
                Verb::Get
            },
            url: self.url.clone(),
            query,
            headers,
            body: request.body,
            certificate: self.certificate.clone(),
            timeout: self.bound(request.wait),
        };
        let answer = self.transport.send(call).await;
        let answer = answer.map_err(|source| AgentError::Unreachable {
            command: command.to_owned(),
            source,
        })?;
        if answer.status < 400 {
            return Ok(answer);
        }
        let fault = answer.body.get("faultstring").and_then(Value::as_str);
        Err(AgentError::Refused {
            command: command.to_owned(),
            status: answer.status,
            fault: fault.unwrap_or("no reason given").to_owned(),
        })
    }
}

/// What differs from one request to another; without a body it asks for the list.
#[derive(Default)]
struct Request {
    wait: Option<&'static str>,
    body: Option<Value>,
    id: Option<Uuid>,
    log: Option<String>,
}

fn is_passing(error: &AgentError) -> bool {
    match error {
        AgentError::Unreachable { source, .. } => !matches!(source, TransportError::NotPermitted),
        AgentError::Refused { status, .. } => *status == 409,
        _ => false,
    }
}

fn parse<T: serde::de::DeserializeOwned>(
    command: &str,
    answer: AgentAnswer,
) -> Result<T, AgentError> {
    serde_json::from_value(answer.body).map_err(|error| unusable(command, &error))
}

fn unusable(command: &str, error: &serde_json::Error) -> AgentError {
    AgentError::Unusable {
        command: command.to_owned(),
        problem: error.to_string(),
    }
}
