//! Requests to agents over HTTP and TLS.

use super::pinned;
use super::transport::{AgentAnswer, AgentCall, AgentTransport, TransportError, Verb};
use async_trait::async_trait;
use parking_lot::Mutex;
use reqwest::Client;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The largest answer that is read. Command lists repeat every result, log archives included.
const ANSWER_LIMIT_BYTES: usize = 64 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Clients are kept for connections and TLS sessions, one per certificate.
const CLIENTS: usize = 1000;

/// The real transport.
#[derive(Default)]
pub struct HttpTransport {
    clients: Mutex<BTreeMap<Option<String>, Client>>,
}

impl HttpTransport {
    fn client(&self, certificate: Option<&String>) -> Result<Client, TransportError> {
        let mut clients = self.clients.lock();
        let key = certificate.cloned();
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        let client = build(certificate)?;
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// No proxy and no redirect: an agent is a machine on the provisioning network.
fn build(certificate: Option<&String>) -> Result<Client, TransportError> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT);
    let builder = match certificate {
        Some(pem) => {
            let config = pinned::config(pem).map_err(TransportError::Certificate)?;
            builder.https_only(true).tls_backend_preconfigured(config)
        }
        None => builder,
    };
    Ok(builder.build()?)
}

#[async_trait]
impl AgentTransport for HttpTransport {
    async fn send(&self, call: AgentCall) -> Result<AgentAnswer, TransportError> {
        let client = self.client(call.certificate.as_ref())?;
        let mut request = match call.verb {
            Verb::Get => client.get(&call.url),
            Verb::Post => client.post(&call.url),
        };
        request = request.query(&call.query).timeout(call.timeout);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        // The URL's query holds the token, and errors end up in `last_error`.
        let mut answer = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_LIMIT_BYTES {
                return Err(TransportError::TooLarge(ANSWER_LIMIT_BYTES));
            }
        }
        let body = if bytes.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&bytes)
        };
        Ok(AgentAnswer {
            status,
            body: body.map_err(TransportError::NotJson)?,
        })
    }
}

#[cfg(test)]
mod tests;
