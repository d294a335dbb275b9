//! Files of rules: the language, what it means, what is refused, and what servers are asked.

mod files;
mod language;
mod meaning;
mod servers;
mod shown;

use super::Policy;
use crate::auth::{Domains, Identity, Project, Role, Scope};
use crate::config::auth::Rbac;
use std::path::Path;

/// Ann of the project `ours`: a member, and an operator.
fn ann() -> Identity {
    let identity = Identity {
        user: "ann".to_owned(),
        project: Some(Project {
            id: "ours".to_owned(),
            name: Some("the name".to_owned()),
        }),
        domains: Domains {
            user: Some("d".to_owned()),
            ..Domains::default()
        },
        ..Identity::default()
    };
    let identity = identity.with_implied_roles([Role::Member]);
    identity.with_other_roles(["Operator"].into_iter())
}

fn root() -> Identity {
    let identity = Identity {
        user: "root".to_owned(),
        scope: Scope::System,
        outside_admin_project: true,
        ..Identity::default()
    };
    identity.with_implied_roles([Role::Admin])
}

fn of_text(text: &str) -> Policy {
    let policy = Policy::of_text(Rbac::default(), Path::new("/etc/policy.yaml"), text);
    policy.unwrap_or_else(|error| panic!("{text}: {error}"))
}
