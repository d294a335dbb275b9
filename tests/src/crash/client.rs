//! HTTP to the conductor, for operators and machines alike; no answer is an error, whatever it says is an answer.

use anyhow::Context;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// What an operator or a machine sends its requests with.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    base: String,
    http: reqwest::Client,
    version: &'static str,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// # Errors
    /// For every status that is no success.
    pub(crate) fn success(self) -> anyhow::Result<Value> {
        match self.status {
            200..300 => Ok(self.body),
            status => anyhow::bail!("{status}: {}", self.body),
        }
    }
}

impl Client {
    fn new(base: &str, version: &'static str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .no_proxy()
            .build()?;
        Ok(Self {
            base: base.to_owned(),
            http,
            version,
        })
    }

    pub(crate) fn of_operator(base: &str) -> anyhow::Result<Self> {
        Self::new(base, "1.115")
    }

    pub(crate) fn of_machine(base: &str) -> anyhow::Result<Self> {
        Self::new(base, "1.68")
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        extra: Option<(&'static str, &str)>,
    ) -> anyhow::Result<Answer> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header("X-OpenStack-Ironic-API-Version", self.version);
        if let Some((name, value)) = extra {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| path.to_owned())?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, body })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.call(Method::GET, path, None, None).await?;
        answer.success().with_context(|| format!("GET {path}"))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.call(Method::POST, path, Some(body), None).await?;
        answer.success().with_context(|| format!("POST {path}"))
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.call(Method::PUT, path, Some(body), None).await?;
        answer.success().with_context(|| format!("PUT {path}"))
    }
}
