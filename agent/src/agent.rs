//! What the parts of the running agent share.

use std::sync::Arc;

use ferric_agent_protocol::extensions::Extension;
use ferric_agent_protocol::node::Node;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::commands::Ledger;
use crate::config::{Secret, Settings};
use crate::host::{Host, SystemPermit};
use crate::image::{HttpSettings, Stop};
use crate::managers::Managers;
use crate::own_log::own_log;
use crate::state::{Session, StateDir};
use crate::tls::{self, TlsError};

/// The agent, from the time on that it knows which node it is.
pub struct Agent {
    pub host: Host,
    /// Hardware managers of others.
    pub managers: Arc<Managers>,
    pub settings: Settings,
    pub session: Session,
    /// The node as it was told last: by the lookup, or by a command since.
    pub told: Mutex<Node>,
    pub state: StateDir,
    pub ledger: Ledger,
    /// Whether the conductor may have the log of this process.
    pub tells_log: bool,
    /// Whether the conductor takes it, too, without asking for it.
    pub brings_log: bool,
    pub image_http: HttpSettings,
    /// Commands that are running.
    pub work: TaskTracker,
    /// Asks for a heartbeat at once.
    pub beat_now: Notify,
    /// Ends the command API and the heartbeat; the process stays.
    pub retire: CancellationToken,
    /// With the agent retired, its interfaces go down too.
    pub lockdown: Mutex<Option<SystemPermit>>,
    /// Ends what is being written to a disk.
    pub stop_writing: Stop,
}

impl Agent {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When the settings of TLS cannot be used.
    pub fn new(
        host: Host,
        managers: Arc<Managers>,
        settings: Settings,
        session: Session,
        state: StateDir,
    ) -> Result<Self, TlsError> {
        let agreed = session.config.agreed(&settings.direction.offered());
        hide_secrets(&settings, &session);
        let told = state.load_or_forget::<Node>(Session::NODE_FILE);
        let told = told.filter(|node| node.uuid == session.node.uuid);
        Ok(Self {
            host,
            managers,
            told: Mutex::new(told.unwrap_or_else(|| session.node.clone())),
            session,
            ledger: Ledger::open(state.clone(), &agreed),
            tells_log: agreed.has(Extension::Log),
            brings_log: agreed.has(Extension::LogPush),
            image_http: HttpSettings {
                tls: tls::client_config(&settings.api)?,
                timeout: settings.image_server.timeout,
                basic_auth: settings.image_server.basic_auth.clone(),
            },
            settings,
            state,
            work: TaskTracker::new(),
            beat_now: Notify::new(),
            retire: CancellationToken::new(),
            lockdown: Mutex::new(None),
            stop_writing: Stop::default(),
        })
    }
}

fn hide_secrets(settings: &Settings, session: &Session) {
    let image_server = settings.image_server.basic_auth.as_ref();
    let secrets = [
        session.token.as_deref(),
        settings.agent_token.as_ref().map(Secret::reveal),
        image_server.map(|(_, password)| password.as_str()),
    ];
    for secret in secrets.into_iter().flatten() {
        own_log().hide(secret);
    }
}
