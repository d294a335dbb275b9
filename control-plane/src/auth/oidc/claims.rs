//! From the claims of a genuine token to who its bearer is: whether it is for us and holds now, and what roles it gives.

use crate::auth::{Identity, Project, Role, Scope};
use crate::config::auth::Oidc;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

type Claims = Map<String, Value>;

/// Who the bearer is, or why the token is not taken.
pub(super) fn identity(
    claims: &Claims,
    settings: &Oidc,
    now: Timestamp,
) -> Result<Identity, &'static str> {
    check(claims, settings, now.as_second())?;
    let text = |path: &str| find(claims, path).and_then(Value::as_str);
    let user = text(&settings.user_claim).ok_or("it names no user")?;
    let names = names(find(claims, &settings.roles_claim));
    let roles = |map: &BTreeMap<String, Role>| -> Vec<Role> {
        let roles = names.iter().filter_map(|name| map.get(*name));
        roles.copied().collect()
    };
    let system = roles(&settings.system_role_map);
    let identity = Identity {
        user: user.to_owned(),
        ..Identity::default()
    };
    // What is mapped is known by what it is mapped to.
    let others = names.iter().copied();
    let maps = [&settings.role_map, &settings.system_role_map];
    let others = others.filter(|name| !maps.iter().any(|map| map.contains_key(*name)));
    let identity = identity.with_other_roles(others);
    if !system.is_empty() {
        let scope = Scope::System;
        return Ok(Identity { scope, ..identity }.with_implied_roles(system));
    }
    let project = text(&settings.project_claim).map(|id| Project {
        id: id.to_owned(),
        name: text(&settings.project_name_claim).map(str::to_owned),
    });
    let identity = Identity {
        project,
        ..identity
    };
    Ok(identity.with_implied_roles(roles(&settings.role_map)))
}

fn check(claims: &Claims, settings: &Oidc, now: i64) -> Result<(), &'static str> {
    if claims.get("iss").and_then(Value::as_str) != Some(settings.issuer.as_str()) {
        return Err("it is of another issuer");
    }
    // One text is one audience, whatever is in it (RFC 7519, 4.1.3).
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        several => names(several),
    };
    let ours = |one: &&str| settings.audience.iter().any(|our| our == one);
    if !audience.iter().any(ours) {
        return Err("it is for another audience");
    }
    let leeway = i64::from(settings.leeway_s);
    let ends = time(claims, "exp").ok_or("it has no end")??;
    if now >= ends.saturating_add(leeway) {
        return Err("it has ended");
    }
    match time(claims, "nbf") {
        Some(begins) if now < begins?.saturating_sub(leeway) => Err("it has not begun"),
        Some(_) | None => Ok(()),
    }
}

/// In seconds since 1970, of which parts may be given.
fn time(claims: &Claims, name: &str) -> Option<Result<i64, &'static str>> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast of a float saturates, and parts of a second are no matter"
    )]
    let seconds = |value: &Value| {
        value
            .as_i64()
            .or_else(|| value.as_f64().map(|seconds| seconds as i64))
    };
    let value = claims.get(name)?;
    Some(seconds(value).ok_or("a time in it is no number"))
}

/// A claim by its path: the names of nested objects, with dots between them. A name with dots of its own goes first.
fn find<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

/// A list of texts, or one text with spaces between.
fn names(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_000_000;

    fn settings() -> Oidc {
        crate::config::auth::oidc_of(
            "issuer = 'https://issuer'\naudience = 'ferric'\njwks_file = 'x'\n\
             roles_claim = 'realm_access.roles'\nsystem_role_map = {ops = 'admin'}",
        )
    }

    fn run(more: &Value) -> Result<Identity, &'static str> {
        let mut claims = json!({"iss": "https://issuer", "aud": "ferric", "exp": NOW + 10, "sub": "ann",
            "project_id": "p", "realm_access": {"roles": ["member", "other"]}});
        let object = claims.as_object_mut().unwrap();
        for (name, value) in more.as_object().unwrap() {
            object.insert(name.clone(), value.clone());
        }
        object.retain(|_, value| !value.is_null());
        identity(object, &settings(), Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn roles_and_scope() {
        let member = run(&json!({})).unwrap();
        assert_eq!(
            (member.user.as_str(), member.project_id()),
            ("ann", Some("p"))
        );
        assert!(member.has(Role::Reader) && !member.has(Role::Admin));
        assert_eq!(member.scope, Scope::Project);
        let ops = run(&json!({"realm_access": {"roles": ["ops", "member"]}})).unwrap();
        assert_eq!((ops.scope, ops.project_id()), (Scope::System, None));
        assert!(ops.has(Role::Admin));
        let none = run(&json!({"realm_access": 5, "project_id": null})).unwrap();
        assert!(Role::ALL.iter().all(|role| !none.has(*role)));
        let dotted = run(&json!({"realm_access.roles": "admin"})).unwrap();
        assert!(dotted.has(Role::Admin) && dotted.scope == Scope::Project);
    }

    #[test]
    fn what_is_not_for_us_or_not_now() {
        for (claims, reason) in [
            (json!({"iss": "https://issuer/"}), "issuer"),
            (json!({"iss": null}), "issuer"),
            (json!({"aud": "other"}), "audience"),
            (json!({"aud": ["x", "y"]}), "audience"),
            (json!({"aud": "other ferric"}), "audience"),
            (json!({"aud": null}), "audience"),
            (json!({"exp": null}), "no end"),
            (json!({"exp": "soon"}), "no number"),
            (json!({"exp": NOW - 60}), "has ended"),
            (json!({"nbf": NOW + 61}), "not begun"),
            (json!({"nbf": [1]}), "no number"),
            (json!({"sub": null}), "no user"),
        ] {
            let error = run(&claims).unwrap_err();
            assert!(error.contains(reason), "{claims}: {error}");
        }
        for claims in [
            json!({"aud": ["x", "ferric"]}),
            json!({"exp": NOW - 59}),
            json!({"exp": 1e30}),
            json!({"nbf": NOW + 60}),
        ] {
            assert!(run(&claims).is_ok(), "{claims}");
        }
    }
}
