//! The REST API, called as any client would: JSON in, JSON or the error's sentence out.

use anyhow::{Context, bail};
use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::Value;
use std::time::Duration;

/// A client of one conductor's API.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    client: Client,
}

/// The status and the body of an answer, whatever they are.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Api {
    /// For `http://HOST:PORT`.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let client = Client::builder()
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()?;
        Ok(Self {
            base: base.to_owned(),
            client,
        })
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// Any answer, also a refusal.
    ///
    /// # Errors
    /// When there is none.
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = request.header("X-OpenStack-Ironic-API-Version", "1.115");
        let request = match body {
            Some(body) => request
                .header("Content-Type", "application/json")
                .body(body.to_string()),
            None => request,
        };
        let answer = request
            .send()
            .with_context(|| format!("asking for {path}"))?;
        let status = answer.status().as_u16();
        let text = answer.text()?;
        Ok(Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        })
    }

    fn expect(&self, method: &Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let answer = self.call(method.clone(), path, body)?;
        match answer.status {
            200..300 => Ok(answer.body),
            status => bail!("{method} {path} was answered {status}: {}", answer.body),
        }
    }

    /// # Errors
    /// For every answer that is no success; so in the methods below.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.expect(&Method::GET, path, None)
    }

    /// # Errors
    /// See [`Api::get`].
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.expect(&Method::POST, path, Some(body))
    }

    /// # Errors
    /// See [`Api::get`].
    pub fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.expect(&Method::PUT, path, Some(body))
    }

    /// # Errors
    /// See [`Api::get`].
    pub fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.expect(&Method::PATCH, path, Some(body))
    }

    /// # Errors
    /// See [`Api::get`].
    pub fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.expect(&Method::DELETE, path, None)
    }
}
