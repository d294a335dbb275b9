//! Plays a conversation. A failure tells the flow, the exchange, the place in the JSON and both values.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::HeaderMap;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::connection::is_served;
use super::flow::{Ask, Connect, Disk, Exchange, Flow, How, Poll, Receive, What};
use super::names::{fill, fill_text};
use super::shape::{compare, shown};
use super::stage::Scene;

/// Longer than any command of a conversation takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// A conductor polls at heartbeats, or every 6 s.
const POLL: Duration = Duration::from_millis(50);

/// What is wrong, as a text.
type Played = Result<(), String>;

pub(super) async fn play(name: &str) {
    let flow = Flow::read(name);
    let mut scene = Scene::set(&flow.stage).await;
    for (number, exchange) in (1..).zip(&flow.exchanges) {
        if let Err(fault) = scene.play(exchange).await {
            let about = exchange.about();
            panic!(
                "{name}, exchange {number} ({about}): {fault}\nthe agent's log ends with:\n{}",
                scene.log()
            );
        }
    }
}

/// An answer, as it is compared.
struct Heard {
    status: u16,
    headers: Value,
    body: Value,
}

impl Scene {
    async fn play(&mut self, exchange: &Exchange) -> Played {
        match exchange {
            Exchange::Ask(ask) => self.ask(ask).await,
            Exchange::Poll(poll) => self.poll(poll).await,
            Exchange::Receive(receive) => self.receive(receive).await,
            Exchange::Connect(connect) => self.connect(connect).await,
            Exchange::Disk(disk) => self.disk(disk),
            Exchange::Restart(_) => {
                self.restart().await;
                Ok(())
            }
        }
    }

    /// Compares a part of what was heard with a shape whose placeholders are filled first.
    fn check(&mut self, what: &str, shape: &Value, found: &Value) -> Played {
        let shape = fill(shape, &self.names)?;
        let compared = compare(&shape, found, &mut self.names);
        compared.map_err(|mismatch| format!("{what}, {mismatch}\n{what} is {}", shown(found)))
    }

    async fn ask(&mut self, ask: &Ask) -> Played {
        let path = fill_text(&ask.path, &self.names)?;
        let method = Method::from_bytes(ask.method.as_bytes()).map_err(|_| "the method is none")?;
        let body = match (&ask.body, &ask.raw_body) {
            (Some(_), Some(_)) => return Err("it has two bodies".to_owned()),
            (Some(body), None) => Some(fill(body, &self.names)?.to_string()),
            (None, raw) => raw.clone(),
        };
        let heard = self.hear(method, &path, &ask.query, body).await?;
        if heard.status != ask.status {
            let (expected, found) = (ask.status, heard.status);
            let body = shown(&heard.body);
            return Err(format!(
                "the status\n  expected: {expected}\n  found:    {found}\nwith the body {body}"
            ));
        }
        let found = chosen(&heard.headers, &ask.headers);
        self.check("the headers", &Value::Object(ask.headers.clone()), &found)?;
        self.check("the answer", &ask.answer, &heard.body)
    }

    /// Sends a request as Ironic's client for agents does.
    async fn hear(
        &self,
        method: Method,
        path: &str,
        query: &BTreeMap<String, String>,
        body: Option<String>,
    ) -> Result<Heard, String> {
        let mut filled = Vec::new();
        for (key, value) in query {
            filled.push((key, fill_text(value, &self.names)?));
        }
        let mut request = self.api.request(method, path);
        request = request.header(CONTENT_TYPE, "application/json");
        if !filled.is_empty() {
            request = request.query(&filled);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let failed = |error: reqwest::Error| format!("there was no answer: {error:?}");
        let response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), named(response.headers()));
        let text = response.text().await.map_err(failed)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Heard {
            status,
            headers,
            body,
        })
    }

    async fn poll(&mut self, poll: &Poll) -> Played {
        let id = fill_text(&poll.id, &self.names)?;
        let running = json!({
            "id": id, "command_name": poll.command, "command_status": "RUNNING",
            "command_error": null, "command_result": null,
        });
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.result(poll, &id).await?;
            if found["command_status"] != "RUNNING" {
                return self.check("the result", &poll.answer, &found);
            }
            self.check("the result meanwhile", &running, &found)?;
            if Instant::now() > deadline {
                return Err(format!(
                    "{} has not ended within {PATIENCE:?}",
                    poll.command
                ));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The result of the command that is waited for; it must be the last one of the list.
    async fn result(&self, poll: &Poll, id: &str) -> Result<Value, String> {
        let mut query = BTreeMap::from([("agent_token".to_owned(), "{token}".to_owned())]);
        let path = match poll.how {
            How::List => "/v1/commands/".to_owned(),
            How::Wait => {
                query.insert("wait".to_owned(), "true".to_owned());
                format!("/v1/commands/{id}")
            }
        };
        let heard = self.hear(Method::GET, &path, &query, None).await?;
        let last = match poll.how {
            How::List => heard.body["commands"]
                .as_array()
                .and_then(|list| list.last()),
            How::Wait => Some(&heard.body),
        };
        match last {
            Some(last) if heard.status == 200 && last["id"] == id => Ok(last.clone()),
            _ => Err(format!(
                "{path} answers {} and not the command {id}: {}",
                heard.status,
                shown(&heard.body)
            )),
        }
    }

    async fn receive(&mut self, receive: &Receive) -> Played {
        let number = receive.number;
        let asked = match receive.what {
            What::Probe => self.conductor.probe(number).await,
            What::Lookup => self.conductor.lookup(number).await,
            What::Heartbeat => self.conductor.heartbeat(number).await,
            What::Inspection => self.conductor.inspection(number).await,
        };
        self.check("the headers", &receive.headers, &named(&asked.headers))?;
        self.check("the query", &receive.query, &json!(asked.query))?;
        self.check("the body", &receive.body, &asked.body)
    }

    async fn connect(&self, connect: &Connect) -> Played {
        let beat = self.conductor.heartbeat(1).await.body;
        let certificate = beat["agent_verify_ca"].as_str().unwrap_or_default();
        let found = is_served(connect.client, &self.api.url, certificate).await?;
        if found == connect.is_served {
            return Ok(());
        }
        Err(format!(
            "{:?} is served: expected {}, found {found}",
            connect.client, connect.is_served
        ))
    }

    fn disk(&self, disk: &Disk) -> Played {
        if self.disk_holds(disk.holds)? {
            return Ok(());
        }
        Err(format!(
            "the disk does not hold what it should: {:?}",
            disk.holds
        ))
    }
}

/// Headers by their names, as JSON.
fn named(headers: &HeaderMap) -> Value {
    let texts = headers.iter().map(|(name, value)| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), Value::String(text))
    });
    Value::Object(texts.collect())
}

/// The headers that a shape asks for.
fn chosen(headers: &Value, shape: &Map<String, Value>) -> Value {
    let found = shape.keys().filter_map(|name| {
        let value = headers.get(name)?;
        Some((name.clone(), value.clone()))
    });
    Value::Object(found.collect())
}
