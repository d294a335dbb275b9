//! What Keystone says of a token: whose it is, for what, with which roles, until when.

use crate::auth::{Identity, Project, Role, Scope};
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) identity: Identity,
    pub(super) expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Body {
    token: Shown,
}

#[derive(Deserialize)]
struct Shown {
    expires_at: Timestamp,
    user: Named,
    project: Option<Named>,
    system: Option<System>,
    #[serde(default)]
    roles: Vec<NamedRole>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct NamedRole {
    name: String,
}

#[derive(Deserialize)]
struct System {
    #[serde(default)]
    all: bool,
}

impl Token {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let Body { token } = serde_json::from_slice(body).ok()?;
        let scope = match token.system {
            Some(System { all: true }) => Scope::System,
            Some(System { all: false }) | None => Scope::Project,
        };
        let identity = Identity {
            user: token.user.id,
            project: token.project.map(|Named { id, name }| Project { id, name }),
            scope,
            ..Identity::default()
        };
        // Those that they imply stand beside them already.
        let roles = token.roles.iter();
        let roles = roles.filter_map(|role| Role::from_name(&role.name));
        Some(Self {
            identity: identity.with_roles(roles),
            expires_at: token.expires_at,
        })
    }
}
