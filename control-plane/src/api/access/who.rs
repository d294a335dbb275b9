//! Who a rule lets: grants of a role in a scope, and whether a caller has one of them for an object.

use super::policy::{Answers, Policy};
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
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct Target<'a> {
    pub(super) kind: Kind,
    pub(super) owner: Option<&'a str>,
    pub(super) lessee: Option<&'a str>,
}

/// What the object is: rules of a file name its owner by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// None in particular.
    Nothing,
    /// Or what belongs to a node.
    Node,
    Allocation,
    Runbook,
}

impl<'a> Target<'a> {
    /// What belongs to nobody in particular.
    pub(in crate::api) const NOBODYS: Target<'static> = Target {
        kind: Kind::Nothing,
        owner: None,
        lessee: None,
    };

    pub(in crate::api) fn of_node(node: &'a Node) -> Self {
        Self::of_projects(node.owner.as_deref(), node.lessee.as_deref())
    }

    pub(in crate::api) fn of_projects(owner: Option<&'a str>, lessee: Option<&'a str>) -> Self {
        Self {
            kind: Kind::Node,
            owner,
            lessee,
        }
    }

    pub(in crate::api) fn of_allocation(owner: Option<&'a str>) -> Self {
        Self::owned(Kind::Allocation, owner)
    }

    pub(in crate::api) fn of_runbook(owner: Option<&'a str>) -> Self {
        Self::owned(Kind::Runbook, owner)
    }

    /// Of a bulk request, which is about nodes, this is the project that asked.
    pub(in crate::api) fn of_bulk_request(owner: Option<&'a str>) -> Self {
        Self::owned(Kind::Node, owner)
    }

    fn owned(kind: Kind, owner: Option<&'a str>) -> Self {
        Self {
            kind,
            owner,
            lessee: None,
        }
    }
}

impl Rule {
    pub(super) fn allows(
        &self,
        caller: &Caller,
        target: Target<'_>,
        policy: &Policy,
        answers: &Answers,
    ) -> bool {
        match caller {
            Caller::Trusted { .. } => true,
            Caller::Known(identity) => policy.allows(self, identity, target, answers),
        }
    }

    /// Where no file says otherwise. Who is a service that is let everywhere is not the rule's to say.
    pub(super) fn allows_by_default(
        &self,
        identity: &Identity,
        target: Target<'_>,
        rbac: &Rbac,
        is_service: impl Fn() -> bool,
    ) -> bool {
        let mut grants = self.who.iter().copied().flatten();
        grants.any(|Grant(role, scope)| match scope {
            In::Services => is_service(),
            scope => identity.has(*role) && scope.holds(identity, target, rbac),
        })
    }

    /// Whether services are among those whom it lets everywhere, by the settings.
    pub(super) fn lets_services(&self) -> bool {
        let mut grants = self.who.iter().copied().flatten();
        grants.any(|Grant(_, scope)| *scope == In::Services)
    }

    /// Who it lets by default in such scopes, for people.
    pub(super) fn grants(&self, is_meant: impl Fn(In) -> bool) -> String {
        let mut shown: Vec<String> = Vec::new();
        let grants = self.who.iter().copied().flatten();
        for Grant(role, scope) in grants.filter(|Grant(_, scope)| is_meant(*scope)) {
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
    pub(super) fn holds(self, identity: &Identity, target: Target<'_>, rbac: &Rbac) -> bool {
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
                name.is_some() && name == rbac.elevated_project()
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
