//! The layer: who asks, what guards the route, and whether the caller gets by. Inside the envelope, outside of every
//! handler.

use super::guard::Guard;
use super::policy::{Policy, PolicyError};
use super::{Access, routes};
use crate::api::call::{Api, Call};
use crate::api::envelope;
use crate::api::error::{ApiError, ApiResult};
use crate::api::version::ApiVersion;
use crate::auth::{Authenticator, Caller};
use crate::config::auth::{PolicyServers, Rbac};
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, Method, header};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is not Ironic's.
const OURS: &str = "/ferric/";

/// How callers are known, and the rules that hold for them. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    authenticator: Authenticator,
    rules: Arc<Rules>,
}

struct Rules {
    rbac: Rbac,
    /// Where those of an operator are, and how the servers are asked that they name.
    file: Option<(PathBuf, PolicyServers)>,
    current: Mutex<Arc<Policy>>,
}

impl Gate {
    /// With Ferric's own rules.
    pub fn new(authenticator: Authenticator, rbac: Rbac) -> Self {
        let policy = Policy::new(rbac.clone());
        Self::of(authenticator, rbac, None, policy)
    }

    /// With those of a file.
    ///
    /// # Errors
    /// [`PolicyError`] says what is wrong with it.
    pub fn with_policy_file(
        authenticator: Authenticator,
        rbac: Rbac,
        file: &Path,
        servers: PolicyServers,
    ) -> Result<Self, PolicyError> {
        let policy = read(rbac.clone(), file, &servers)?;
        let file = Some((file.to_owned(), servers));
        Ok(Self::of(authenticator, rbac, file, policy))
    }

    fn of(
        authenticator: Authenticator,
        rbac: Rbac,
        file: Option<(PathBuf, PolicyServers)>,
        policy: Policy,
    ) -> Self {
        let current = Mutex::new(Arc::new(policy));
        let rules = Arc::new(Rules {
            rbac,
            file,
            current,
        });
        Self {
            authenticator,
            rules,
        }
    }

    /// Takes the rules that are in the file now, if there is one; an error leaves what was before.
    ///
    /// # Errors
    /// [`PolicyError`] says what is wrong with the file.
    pub fn reload(&self) -> Result<(), PolicyError> {
        if let Some((file, servers)) = &self.rules.file {
            let policy = Arc::new(read(self.rules.rbac.clone(), file, servers)?);
            *self.rules.current.lock() = policy;
        }
        Ok(())
    }

    /// The rules that hold now.
    pub(super) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.rules.current.lock())
    }

    pub(super) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }
}

fn read(rbac: Rbac, file: &Path, servers: &PolicyServers) -> Result<Policy, PolicyError> {
    let policy = Policy::read(rbac, file)?.asking(servers)?;
    for warning in policy.warnings() {
        tracing::warn!(file = %file.display(), "the policy file: {warning}");
    }
    Ok(policy)
}

pub(in crate::api) async fn admit(
    State((api, gate)): State<(Api, Gate)>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let path = path.as_ref().map(MatchedPath::as_str);
    let guard = path.and_then(|path| routes::guard(request.method(), path));
    match (guard, path) {
        (Some(Guard::Public), _) => return next.run(request).await,
        (None, Some(path)) if routes::is_public(path) => {
            return no_such_method(request.method().clone(), path).await;
        }
        _ => {}
    }
    // Also for what there is not: who may not ask gets to know nothing.
    let caller = match gate.authenticator.caller(request.headers()).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let Some(guard) = guard else {
        return match path {
            Some(path) => no_such_method(request.method().clone(), path).await,
            None => next.run(request).await,
        };
    };
    let (mut parts, body) = request.into_parts();
    let access = match pass(guard, &caller, &gate, &api, &mut parts).await {
        Ok(access) => access,
        Err(error) => return error.into_response(),
    };
    parts.extensions.insert(access.clone());
    if parts.uri.path().starts_with(OURS) {
        // For what goes on for longer than the caller may be let in.
        parts.extensions.insert(gate);
    }
    let response = next.run(Request::from_parts(parts, body)).await;
    match response.status().is_success() && guard.must_be_asked() && !access.was_asked() {
        true => unguarded(guard).into_response(),
        false => response,
    }
}

async fn pass(
    guard: &Guard,
    caller: &Caller,
    gate: &Gate,
    api: &Api,
    parts: &mut Parts,
) -> ApiResult<Access> {
    let policy = gate.policy();
    let access = Access::new(caller.clone(), policy);
    if let Caller::Trusted { .. } = caller {
        return Ok(access);
    }
    parts.extensions.insert(access);
    let mut call = Call::read(parts, api)?;
    if parts.uri.path().starts_with(OURS) {
        // Ironic's versions are not ours.
        call.version = ApiVersion::MAX;
    }
    let names = RawPathParams::from_request_parts(parts, api).await;
    let names = names.map_err(|rejection| {
        ApiError::routing(http::StatusCode::BAD_REQUEST, rejection.body_text())
    })?;
    let ident = names.iter().next().map(|(_, value)| value);
    guard.check(&call, ident, caller).await
}

/// What the table has no row for does not exist, whatever the router knows.
async fn no_such_method(method: Method, path: &str) -> Response {
    let mut response = envelope::method_not_allowed(method).await.into_response();
    if let Ok(methods) = HeaderValue::try_from(routes::methods(path)) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

/// A handler that does not ask would show, or do, what it must not: its answer is held back from everybody.
fn unguarded(guard: &Guard) -> ApiError {
    let rules: Vec<&str> = guard.rules().iter().map(|rule| rule.name).collect();
    let rules = rules.join(" or ");
    ApiError::Internal {
        doing: "checking who may do this".into(),
        source: format!("the handler did not ask for {rules}, and must").into(),
    }
}
