//! What a check can look at: of the caller, and of the object that is asked for. The names are Ironic's.

use super::Asked;
use crate::api::access::who::Kind;
use crate::auth::{Identity, Scope};
use serde_json::Value;

/// What a token says of its bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    UserId,
    UserDomainId,
    SystemScope,
    DomainId,
    ProjectId,
    ProjectDomainId,
    ProjectName,
    Roles,
    IsAdmin,
    IsAdminProject,
    IsPublicApi,
}

/// What is found where a check looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// There is no such thing here, whatever it is compared with.
    Absent,
    /// There could be one, and is none: an owner of what belongs to nobody.
    Nothing,
    Text(&'a str),
}

/// What `%(NAME)s` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    NodeOwner,
    NodeLessee,
    AllocationOwner,
    RunbookOwner,
    ServiceProjectName,
    Caller(Attribute),
}

impl Attribute {
    pub(super) const NAMED: [(&'static str, Self); 11] = [
        ("user_id", Self::UserId),
        ("user_domain_id", Self::UserDomainId),
        ("system_scope", Self::SystemScope),
        ("domain_id", Self::DomainId),
        ("project_id", Self::ProjectId),
        ("project_domain_id", Self::ProjectDomainId),
        ("project_name", Self::ProjectName),
        ("roles", Self::Roles),
        ("is_admin", Self::IsAdmin),
        ("is_admin_project", Self::IsAdminProject),
        ("is_public_api", Self::IsPublicApi),
    ];

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let mut named = Self::NAMED.iter();
        named
            .find(|(known, _)| *known == name)
            .map(|(_, attribute)| *attribute)
    }

    /// All of them, for people.
    pub(super) fn names() -> String {
        Self::NAMED.map(|(name, _)| name).join(", ")
    }

    /// Roles are several: they are not found here.
    pub(super) fn of(self, identity: &Identity) -> Found<'_> {
        let project = identity.project.as_ref();
        let flag = |is: bool| Found::Text(if is { "True" } else { "False" });
        match self {
            Self::UserId => Found::Text(&identity.user),
            Self::UserDomainId => identity.domains.user.as_deref().into(),
            Self::SystemScope => match identity.scope {
                Scope::System => Found::Text("all"),
                Scope::Project => Found::Nothing,
            },
            Self::DomainId => identity.domains.scope.as_deref().into(),
            Self::ProjectId => identity.project_id().into(),
            Self::ProjectDomainId => identity.domains.project.as_deref().into(),
            Self::ProjectName => project.and_then(|project| project.name.as_deref()).into(),
            // Ironic tells its rules of no caller whether it is one.
            Self::Roles | Self::IsAdmin => Found::Absent,
            Self::IsAdminProject => flag(!identity.outside_admin_project),
            // What is everybody's asks no rule.
            Self::IsPublicApi => flag(false),
        }
    }
}

impl<'a> From<Option<&'a str>> for Found<'a> {
    fn from(value: Option<&'a str>) -> Self {
        value.map_or(Self::Nothing, Self::Text)
    }
}

impl Found<'_> {
    /// As JSON has it.
    pub(super) fn shown(self) -> Value {
        match self {
            Self::Absent | Self::Nothing => Value::Null,
            Self::Text(text) => Value::from(text),
        }
    }
}

impl Key {
    const OF_OBJECTS: [(&'static str, Self); 5] = [
        ("node.owner", Self::NodeOwner),
        ("node.lessee", Self::NodeLessee),
        ("allocation.owner", Self::AllocationOwner),
        ("runbook.owner", Self::RunbookOwner),
        ("config.service_project_name", Self::ServiceProjectName),
    ];

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let mut keys = Self::OF_OBJECTS.iter();
        if let Some((_, key)) = keys.find(|(known, _)| *known == name) {
            return Some(*key);
        }
        let attribute = Attribute::from_name(name)?;
        (attribute != Attribute::Roles).then_some(Self::Caller(attribute))
    }

    /// All of them, for people.
    pub(super) fn names() -> String {
        let objects = Self::OF_OBJECTS.map(|(name, _)| name).join(", ");
        format!("{objects}, and of the caller {}", Attribute::names())
    }

    pub(super) fn of<'a>(self, asked: &Asked<'a>) -> Found<'a> {
        let target = asked.target;
        let owner_of = |kind: Kind| -> Found<'a> {
            match target.kind == kind {
                true => target.owner.into(),
                false => Found::Absent,
            }
        };
        match self {
            Self::NodeOwner => owner_of(Kind::Node),
            Self::AllocationOwner => owner_of(Kind::Allocation),
            Self::RunbookOwner => owner_of(Kind::Runbook),
            Self::NodeLessee if target.kind == Kind::Node => target.lessee.into(),
            Self::NodeLessee => Found::Absent,
            Self::ServiceProjectName => {
                let name = asked.policy.rbac().elevated_project();
                name.map_or(Found::Absent, Found::Text)
            }
            Self::Caller(attribute) => attribute.of(asked.identity),
        }
    }
}
