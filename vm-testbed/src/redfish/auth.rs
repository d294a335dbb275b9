//! Who may ask: a session's token or basic authentication, except where Redfish lets everybody in.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::Refusal;
use super::{Bmc, paths};
use crate::config;

pub(super) const TOKEN_HEADER: &str = "x-auth-token";

pub(super) async fn check(State(bmc): State<Bmc>, request: Request, next: Next) -> Response {
    if is_open(request.method(), request.uri().path()) || is_known(&bmc, request.headers()) {
        return next.run(request).await;
    }
    Refusal::unauthorized().into_response()
}

fn is_open(method: &Method, path: &str) -> bool {
    match path {
        "/redfish" | paths::ROOT | paths::METADATA | paths::ODATA => {
            method == Method::GET || method == Method::HEAD
        }
        paths::SESSIONS | "/redfish/v1/SessionService/Sessions/Members" => method == Method::POST,
        _ => false,
    }
}

fn is_known(bmc: &Bmc, headers: &HeaderMap) -> bool {
    if let Some(token) = headers.get(TOKEN_HEADER) {
        return token
            .to_str()
            .is_ok_and(|token| bmc.sessions.lock().touch(token));
    }
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| basic(value.to_str().ok()?))
        .is_some_and(|(user, password)| is_user(&bmc.machine.config().bmc, &user, &password))
}

pub(super) fn is_user(bmc: &config::Bmc, user: &str, password: &str) -> bool {
    bmc.username == user && bmc.password == password
}

fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_headers_are_taken_apart() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(basic("Basic YWRtaW46cGE6c3M="), pair("admin", "pa:ss"));
        assert_eq!(basic("bAsIc YTo="), pair("a", ""));
        for header in ["", "Basic", "Bearer YTo=", "Basic !!!", "Basic YQ=="] {
            assert_eq!(basic(header), None, "{header}");
        }
    }
}
