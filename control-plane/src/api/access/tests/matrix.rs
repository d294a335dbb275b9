//! Persona x rule, in full.

use super::super::rules;
use super::super::who::Target;
use crate::auth::{Caller, Identity, Project, Role, Scope};
use crate::config::auth::Rbac;
use ferric_model::bulk::Mandate;
use std::fmt::Write as _;
use std::sync::Arc;

const ROLES: [Role; 5] = [
    Role::Admin,
    Role::Manager,
    Role::Member,
    Role::Reader,
    Role::Service,
];

const OURS: &str = "project-ours";

fn identity(project: Option<(&str, &str)>, scope: Scope, role: Role) -> Identity {
    let project = project.map(|(id, name)| Project {
        id: id.to_owned(),
        name: Some(name.to_owned()),
    });
    let identity = Identity {
        project,
        scope,
        ..Identity::default()
    };
    identity.with_implied_roles([role])
}

/// Of each kind of scope the roles in the order of `ROLES`, as the first letters of those that are let.
fn line(rule: &super::super::who::Rule) -> String {
    let owner = Target::owned_by(Some(OURS));
    let mut node = ferric_model::node::Node::new(
        ferric_model::ids::NodeId(uuid::Uuid::nil()),
        "fake-hardware",
        jiff::Timestamp::UNIX_EPOCH,
    );
    node.lessee = Some(OURS.to_owned());
    let lessee = Target::of_node(&node);
    let (plain, elevated) = (
        Rbac::default(),
        Rbac {
            service_role_elevated_access: true,
            ..Rbac::default()
        },
    );
    let of = |identity: &dyn Fn(Role) -> Identity, target: Target<'_>, rbac: &Rbac| {
        let letters = ROLES.iter().map(|role| {
            let caller = Caller::Known(identity(*role));
            match rule.allows(&caller, target, rbac) {
                true => match role {
                    Role::Admin => 'A',
                    Role::Manager => 'G',
                    Role::Member => 'M',
                    Role::Reader => 'R',
                    Role::Service => 'S',
                },
                false => '.',
            }
        });
        letters.collect::<String>()
    };
    let system = |role| identity(None, Scope::System, role);
    let ours = |role| identity(Some((OURS, "ours")), Scope::Project, role);
    let services = |role| identity(Some(("s", "service")), Scope::Project, role);
    [
        of(&system, owner, &plain),
        of(&ours, owner, &plain),
        of(&ours, lessee, &plain),
        of(&ours, Target::owned_by(Some("another")), &plain),
        of(&services, owner, &plain),
        of(&services, owner, &elevated),
    ]
    .join(" ")
}

/// A admin, G manager, M member, R reader, S service; with the roles that each implies.
#[test]
fn persona_by_rule() {
    let mut table = format!(
        "{:<55} system owner lessee other services elevated\n",
        "rule"
    );
    for rule in rules::ALL {
        writeln!(table, "{:<55} {}", rule.name, line(rule)).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn who_has_no_project_owns_nothing() {
    let nobody = Caller::Known(Identity::default().with_implied_roles([Role::Admin]));
    let rbac = Rbac::default();
    assert!(!rules::NODE_GET.allows(&nobody, Target::NOBODYS, &rbac));
    let trusted = Caller::Trusted { user: None };
    assert!(rules::NODE_GET.allows(&trusted, Target::NOBODYS, &rbac));
}

/// What is carried out later is for whom the rule lets, and for as long as it would let them.
#[test]
fn a_mandate_says_whose_nodes_it_is_good_for() {
    let mandate = |identity: Identity, rule: &super::super::who::Rule| {
        let caller = Caller::Known(identity);
        let access = super::super::Access::new(caller, Arc::new(Rbac::default()), None);
        match access.mandate(|target| access.allows(rule, target)) {
            Mandate::Anything => "anything",
            Mandate::OfProject {
                project,
                as_owner,
                as_lessee,
            } => {
                assert_eq!(project, OURS);
                match (as_owner, as_lessee) {
                    (true, true) => "both",
                    (true, false) => "owner",
                    (false, true) => "lessee",
                    (false, false) => "nothing",
                }
            }
        }
    };
    let ours = |role| identity(Some((OURS, "ours")), Scope::Project, role);
    let system = |role| identity(None, Scope::System, role);
    let provision = &rules::NODE_SET_PROVISION;
    for (identity, rule, expected) in [
        (system(Role::Member), provision, "anything"),
        (ours(Role::Admin), provision, "both"),
        (ours(Role::Member), provision, "owner"),
        (ours(Role::Reader), provision, "nothing"),
        (ours(Role::Admin), &rules::NODE_DELETE_SELF_OWNED, "owner"),
    ] {
        let who = format!("{identity:?}, {}", rule.name);
        assert_eq!(mandate(identity, rule), expected, "{who}");
    }
}
