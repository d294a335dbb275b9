//! Who a rule lets: grants of a role in a scope, and whether a caller has one of them for an object.

use crate::auth::{Caller, Identity, Role, Scope};
use crate::config::auth::Rbac;
use ferric_model::node::Node;
use std::fmt;

/// A role, and what it must be a role in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant(pub(super) Role, pub(super) In);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum In {
    /// Whatever the token is for.
    Anything,
    /// The whole system.
    System,
    /// The project of services, where the settings give it more than others.
    Services,
    /// The project that owns the object.
    Owner,
    /// The project that has leased the node.
    Lessee,
}

/// Several lists of grants; one of them all is enough.
pub(super) type Who = &'static [&'static [Grant]];

/// Named as Ironic names it.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct Rule {
    pub(super) name: &'static str,
    pub(super) who: Who,
}

/// The projects that an object belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::api) struct Target<'a> {
    owner: Option<&'a str>,
    lessee: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// What belongs to nobody in particular.
    pub(in crate::api) const NOBODYS: Target<'static> = Target {
        owner: None,
        lessee: None,
    };

    pub(in crate::api) fn of_node(node: &'a Node) -> Self {
        Self::of_projects(node.owner.as_deref(), node.lessee.as_deref())
    }

    pub(in crate::api) fn of_projects(owner: Option<&'a str>, lessee: Option<&'a str>) -> Self {
        Self { owner, lessee }
    }

    pub(in crate::api) fn owned_by(owner: Option<&'a str>) -> Self {
        let lessee = None;
        Self { owner, lessee }
    }

    pub(in crate::api) fn lent_to(project: &'a str) -> Self {
        Self {
            owner: None,
            lessee: Some(project),
        }
    }
}

impl Rule {
    pub(super) fn allows(&self, caller: &Caller, target: Target<'_>, rbac: &Rbac) -> bool {
        match caller {
            Caller::Trusted { .. } => true,
            Caller::Known(identity) => self.allows_identity(identity, target, rbac),
        }
    }

    fn allows_identity(&self, identity: &Identity, target: Target<'_>, rbac: &Rbac) -> bool {
        let mut grants = self.who.iter().copied().flatten();
        grants.any(|Grant(role, scope)| identity.has(*role) && scope.holds(identity, target, rbac))
    }

    /// Who it lets, for people.
    pub(super) fn grants(&self) -> String {
        let mut shown: Vec<String> = Vec::new();
        for Grant(role, scope) in self.who.iter().copied().flatten() {
            let grant = format!("{} {scope}", role.name());
            if !shown.contains(&grant) {
                shown.push(grant);
            }
        }
        match shown.is_empty() {
            true => "nobody".to_owned(),
            false => shown.join(", "),
        }
    }
}

impl In {
    fn holds(self, identity: &Identity, target: Target<'_>, rbac: &Rbac) -> bool {
        let project = identity.project_id();
        let is_ours = |of: Option<&str>| project.is_some() && project == of;
        match self {
            // Whoever is of no project has nothing that could be the project's.
            Self::Anything => identity.scope == Scope::System || project.is_some(),
            Self::System => identity.scope == Scope::System,
            Self::Services => {
                let name = identity
                    .project
                    .as_ref()
                    .and_then(|project| project.name.as_deref());
                rbac.service_role_elevated_access
                    && name == Some(rbac.service_project_name.as_str())
            }
            Self::Owner => is_ours(target.owner),
            Self::Lessee => is_ours(target.lessee),
        }
    }
}

impl fmt::Display for In {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Anything => "anywhere",
            Self::System => "of the system",
            Self::Services => "of the project of services",
            Self::Owner => "of the owner",
            Self::Lessee => "of the lessee",
        })
    }
}
