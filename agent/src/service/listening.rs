//! The command API's socket and certificate, as the conductor knows them; or none, where the agent fetches its commands.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ferric_agent_protocol::dial_out;
use ferric_agent_protocol::lookup::LookupConfig;
use ferric_agent_protocol::version::ApiVersion;
use rustls::ServerConfig;

use super::ServiceError;
use crate::api::Listener;
use crate::config::{Settings, TlsMode, TlsSettings};
use crate::inventory;
use crate::state::Session;
use crate::tls::{self, Certificate, ServerRules, TlsError};

/// How commands come to this agent.
pub(super) enum Way {
    In(Listening),
    /// The agent fetches them, and nothing is listened on.
    Out,
}

/// A bound socket, and how it is spoken to.
pub(super) struct Listening {
    pub(super) listener: Listener,
    pub(super) tls: Option<Arc<ServerConfig>>,
}

/// A certificate, and whether the conductor must be told.
pub(super) struct Identity {
    pub(super) certificate: Certificate,
    pub(super) is_own: bool,
}

impl Way {
    /// For a session of an agent that ran before: what was agreed on then holds.
    pub(super) fn again(settings: &Settings, session: &Session) -> Result<Self, ServiceError> {
        if session.callback_url == dial_out::CALLBACK_URL {
            return Ok(Self::Out);
        }
        Listening::again(settings, session).map(Self::In)
    }
}

impl Listening {
    /// For a new session.
    pub(super) fn begin(
        settings: &Settings,
        config: &LookupConfig,
        identity: Option<&Identity>,
    ) -> Result<Self, ServiceError> {
        let certificate = identity.map(|identity| &identity.certificate);
        Ok(Self {
            tls: server_tls(&settings.tls, config, certificate)?,
            listener: Listener::bind(settings.listen.address)?,
        })
    }

    /// The same address, the same certificate.
    fn again(settings: &Settings, session: &Session) -> Result<Self, ServiceError> {
        let from_files = match (&settings.tls.mode, &session.certificate) {
            (TlsMode::Files { certificate, key }, None) => {
                Some(Certificate::read(certificate, key)?)
            }
            _ => None,
        };
        let certificate = session.certificate.as_ref().or(from_files.as_ref());
        Ok(Self {
            tls: server_tls(&settings.tls, &session.config, certificate)?,
            listener: Listener::bind(session.listen.unwrap_or(settings.listen.address))?,
        })
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// What the conductor is told. A port of 0 stands for the one that was bound.
    pub(super) fn callback_url(&self, settings: &Settings, address: IpAddr) -> String {
        let protocol = if self.tls.is_some() {
            "https"
        } else {
            &settings.advertise.protocol
        };
        let port = match settings.advertise.port {
            0 => self.listener.address.port(),
            port => port,
        };
        format!("{protocol}://{}", SocketAddr::new(address, port))
    }
}

/// What the conductor says comes before what the machine is configured with.
fn server_tls(
    settings: &TlsSettings,
    config: &LookupConfig,
    certificate: Option<&Certificate>,
) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    let Some(certificate) = certificate else {
        return Ok(None);
    };
    let min_version = config.tls_min_version.as_ref();
    let suites = config.tls_cipher_suites.as_ref();
    let rules = ServerRules {
        min_version: min_version.unwrap_or(&settings.min_version),
        cipher_suites: suites.unwrap_or(&settings.cipher_suites),
        client_ca: settings.client_ca.as_deref(),
    };
    tls::server_config(certificate, rules).map(Some)
}

impl Identity {
    /// A certificate from files, or one made for this address; none for a server that is too old to be told.
    pub(super) fn establish(
        settings: &TlsSettings,
        server: ApiVersion,
        address: IpAddr,
    ) -> Result<Option<Self>, TlsError> {
        let certificate = match &settings.mode {
            TlsMode::Off => return Ok(None),
            TlsMode::Automatic if server < ApiVersion::AGENT_VERIFY_CA => return Ok(None),
            TlsMode::Automatic => {
                let hostname = inventory::hostname().unwrap_or_else(|| "ferric-agent".to_owned());
                Certificate::generate(address, &hostname, &settings.curve)?
            }
            TlsMode::Files { certificate, key } => Certificate::read(certificate, key)?,
        };
        let is_own = settings.mode == TlsMode::Automatic;
        Ok(Some(Self {
            certificate,
            is_own,
        }))
    }
}
