//! Who a request comes from, as far as a strategy can tell, and what roles they have where.

use std::collections::BTreeSet;

/// Whoever sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// No roles are known of anybody: with `noauth`, and with `http_basic`, whose users may all do everything.
    Trusted { user: Option<String> },
    /// Somebody with roles, by which the rules decide.
    Known(Identity),
}

/// What a token says of its bearer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user: String,
    /// The project that the token is for; `None` with one for the system.
    pub(crate) project: Option<Project>,
    pub(crate) scope: Scope,
    pub(crate) roles: BTreeSet<Role>,
    /// The names of all other roles, in lower case: they give nothing but where a file of rules says so.
    pub(crate) other_roles: BTreeSet<String>,
    pub(crate) domains: Domains,
    /// Keystone knows a project of administrators, and the token is for another one.
    pub(crate) outside_admin_project: bool,
}

/// The domains of a token, by their identifiers, where it tells them. Only rules of a file look at them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Domains {
    pub(crate) user: Option<String>,
    pub(crate) project: Option<String>,
    /// The one that the token is for.
    pub(crate) scope: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Project {
    pub(crate) id: String,
    /// Where the token tells it.
    pub(crate) name: Option<String>,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    System,
    #[default]
    Project,
}

/// The roles that Ferric's own rules know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Admin,
    Manager,
    Member,
    Reader,
    Service,
}

impl Role {
    pub const ALL: [Self; 5] = [
        Self::Admin,
        Self::Manager,
        Self::Member,
        Self::Reader,
        Self::Service,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Member => "member",
            Self::Reader => "reader",
            Self::Service => "service",
        }
    }

    /// Without regard to case, as Keystone compares.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.name().eq_ignore_ascii_case(name))
    }

    /// The role and those that it implies by default: each of the first four has what the next one has.
    fn implied(self) -> &'static [Self] {
        match self {
            Self::Admin => &[Self::Admin, Self::Manager, Self::Member, Self::Reader],
            Self::Manager => &[Self::Manager, Self::Member, Self::Reader],
            Self::Member => &[Self::Member, Self::Reader],
            Self::Reader => &[Self::Reader],
            Self::Service => &[Self::Service],
        }
    }
}

impl Identity {
    /// With just these roles: whoever issued the token has added those that they imply.
    pub(crate) fn with_roles(mut self, roles: impl IntoIterator<Item = Role>) -> Self {
        self.roles = roles.into_iter().collect();
        self
    }

    /// With these roles and those that they imply.
    pub(crate) fn with_implied_roles(self, roles: impl IntoIterator<Item = Role>) -> Self {
        let implied = roles.into_iter().flat_map(Role::implied).copied();
        self.with_roles(implied)
    }

    /// The names that are no role's of ours, beside those that are.
    pub(crate) fn with_other_roles<'a>(mut self, names: impl Iterator<Item = &'a str>) -> Self {
        let others = names.filter(|name| Role::from_name(name).is_none());
        self.other_roles = others.map(str::to_lowercase).collect();
        self
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The same of any role, without regard to case.
    pub(crate) fn has_named(&self, name: &str) -> bool {
        match Role::from_name(name) {
            Some(role) => self.has(role),
            None => self.other_roles.contains(&name.to_lowercase()),
        }
    }

    pub(crate) fn project_id(&self) -> Option<&str> {
        self.project.as_ref().map(|project| project.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_imply_the_ones_below() {
        let manager = Identity::default().with_implied_roles([Role::Manager]);
        let has = Role::ALL.map(|role| manager.has(role));
        assert_eq!(has, [false, true, true, true, false]);
        let plain = Identity::default().with_roles([Role::Admin]);
        assert!(plain.has(Role::Admin) && !plain.has(Role::Reader));
    }

    #[test]
    fn roles_of_others_are_kept_by_name_and_none_of_ours_comes_in_with_them() {
        let names = ["Operator", "admin", "ADMIN"].into_iter();
        let caller = Identity::default().with_other_roles(names);
        assert!(caller.has_named("operator") && caller.has_named("OPERATOR"));
        assert!(!caller.has_named("admin") && !caller.has(Role::Admin));
        let admin = caller.with_implied_roles([Role::Admin]);
        assert!(admin.has_named("Reader") && admin.has_named("operator"));
    }

    #[test]
    fn names() {
        assert_eq!(Role::from_name("Admin"), Some(Role::Admin));
        assert_eq!(Role::from_name("heat_stack_user"), None);
    }
}
