//! What Keystone says of a token: whose it is, for what, with which roles, until when.

use crate::auth::{Domains, Identity, Project, Role, Scope};
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
    domain: Option<Domain>,
    system: Option<System>,
    is_admin_project: Option<bool>,
    #[serde(default)]
    roles: Vec<NamedRole>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: Option<String>,
    domain: Option<Domain>,
}

#[derive(Deserialize)]
struct Domain {
    id: Option<String>,
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
        let id = |domain: Option<Domain>| domain.and_then(|domain| domain.id);
        let (project, project_domain) = match token.project {
            Some(Named { id, name, domain }) => (Some(Project { id, name }), domain),
            None => (None, None),
        };
        let identity = Identity {
            user: token.user.id,
            project,
            scope,
            domains: Domains {
                user: id(token.user.domain),
                project: id(project_domain),
                scope: id(token.domain),
            },
            outside_admin_project: token.is_admin_project == Some(false),
            ..Identity::default()
        };
        // Those that they imply stand beside them already.
        let names = || token.roles.iter().map(|role| role.name.as_str());
        let identity = identity.with_other_roles(names());
        Some(Self {
            identity: identity.with_roles(names().filter_map(Role::from_name)),
            expires_at: token.expires_at,
        })
    }
}
