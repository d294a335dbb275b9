//! What a fake BMC may do differently, as data.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Auth {
    #[default]
    Open,
    /// Only basic authentication, and no trace of sessions.
    Basic,
    /// Sessions and basic authentication; 401 without a challenge.
    Sessions,
    /// As `Sessions`, but opening one answers with this status.
    SessionsRefused(u16),
    /// A service root that shows sessions, which a 401 with a challenge refuses: only basic works.
    Challenge,
    /// A session is answered without a token.
    NoToken,
}

/// How the service treats entity tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tags {
    #[default]
    None,
    /// Compared as they should be; the first PATCH finds the resource changed since.
    Changed,
    /// Given with a weakness mark, and compared without.
    WeakGivenStrongTaken,
    /// Whatever comes does not match.
    NeverMatch,
    /// None given, but demanded.
    Demanded,
}

/// A scripted answer to the next `times` requests of a method to a path.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) request: &'static str,
    pub(super) times: usize,
    pub(super) status: u16,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) body: String,
    pub(super) delay: Duration,
    /// Whether what was asked is done before the delay and not after it.
    pub(super) answers_late: bool,
}

impl Fault {
    /// `request` is the method and how the path begins.
    pub(super) fn new(request: &'static str, times: usize, status: u16) -> Self {
        Self {
            request,
            times,
            status,
            headers: &[],
            body: String::new(),
            delay: Duration::ZERO,
            answers_late: false,
        }
    }

    pub(super) fn answer(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(*name, *value);
        }
        response.body(Body::from(self.body)).unwrap()
    }

    /// Answers as it should, but late.
    pub(super) fn slow(request: &'static str, times: usize, delay: Duration) -> Self {
        Self {
            delay,
            ..Self::new(request, times, 0)
        }
    }
}

/// Everything that a fake BMC may do differently.
#[derive(Clone, Debug)]
pub(super) struct Oddities {
    pub(super) auth: Auth,
    pub(super) tags: Tags,
    pub(super) systems: Vec<&'static str>,
    /// Merged into each system (RFC 7396): null removes a field.
    pub(super) system: Value,
    /// Further resources.
    pub(super) resources: Vec<(&'static str, Value)>,
    /// The status with which a PATCH of `Boot` is refused.
    pub(super) refuses_boot: fn(&Value) -> Option<u16>,
    /// The state to which the machine goes after each reset type, `None`: the type is refused.
    pub(super) resets: fn(&str) -> Option<&'static str>,
    /// How often the old state is still read after a reset.
    pub(super) lag: usize,
    pub(super) faults: Vec<Fault>,
    /// What a request changes beside what every BMC does; `None`: nothing else is to be answered than usual.
    pub(super) effect: fn(&mut Resources, &Call<'_>) -> Option<Reply>,
}

/// The resources of a fake BMC by path.
pub(super) type Resources = HashMap<String, Value>;

/// A request that changes something.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) body: &'a Value,
}

/// An answer without a body.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) location: Option<String>,
}

impl Reply {
    pub(super) fn new(status: u16) -> Self {
        Self {
            status,
            location: None,
        }
    }

    /// The BMC goes on by itself, with this task.
    pub(super) fn accepted(task: &str) -> Self {
        Self {
            status: 202,
            location: Some(task.to_owned()),
        }
    }
}

impl Default for Oddities {
    fn default() -> Self {
        Self {
            auth: Auth::Open,
            tags: Tags::None,
            systems: vec!["1"],
            system: json!({}),
            resources: Vec::new(),
            refuses_boot: |_| None,
            resets: |reset| match reset {
                "On" | "ForceOn" | "ForceRestart" | "GracefulRestart" | "PowerCycle" => Some("On"),
                "ForceOff" | "GracefulShutdown" | "PushPowerButton" => Some("Off"),
                _ => None,
            },
            lag: 1,
            faults: Vec::new(),
            effect: |_, _| None,
        }
    }
}
