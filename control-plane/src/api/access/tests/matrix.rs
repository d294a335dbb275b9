//! Persona x rule, in full.

use super::super::policy::{Answers, Policy};
use super::super::rules;
use super::super::who::{Rule, Target};
use crate::auth::{Caller, Identity, Project, Role, Scope};
use crate::config::auth::Rbac;
use ferric_model::bulk::Mandate;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

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

/// Who asks: the letter of a role, with those that it implies, and a role that only a file knows.
const PERSONAS: [(char, Option<Role>); 6] = [
    ('A', Some(Role::Admin)),
    ('G', Some(Role::Manager)),
    ('M', Some(Role::Member)),
    ('R', Some(Role::Reader)),
    ('S', Some(Role::Service)),
    ('O', None),
];

/// Of each kind of scope the letters of those who are let.
fn line(rule: &Rule, personas: &[(char, Option<Role>)], policy: &dyn Fn(Rbac) -> Policy) -> String {
    let owned_by = |owner| match rule.name {
        name if name.starts_with("baremetal:allocation") => Target::of_allocation(owner),
        name if name.starts_with("baremetal:runbook") => Target::of_runbook(owner),
        _ => Target::of_projects(owner, None),
    };
    let owner = owned_by(Some(OURS));
    let lessee = Target::of_projects(None, Some(OURS));
    let elevated = Rbac {
        service_role_elevated_access: true,
        ..Rbac::default()
    };
    let (plain, elevated) = (policy(Rbac::default()), policy(elevated));
    let of = |scope: Scope, project: Option<(&str, &str)>, target: Target<'_>, policy: &Policy| {
        let letters = personas.iter().map(|(letter, role)| {
            let identity = match role {
                Some(role) => identity(project, scope, *role),
                None => identity(project, scope, Role::Reader)
                    .with_roles([])
                    .with_other_roles(["operator"].into_iter()),
            };
            match rule.allows(
                &Caller::Known(identity),
                target,
                policy,
                &Answers::default(),
            ) {
                true => *letter,
                false => '.',
            }
        });
        letters.collect::<String>()
    };
    let (ours, services) = (Some((OURS, "ours")), Some(("s", "service")));
    [
        of(Scope::System, None, owner, &plain),
        of(Scope::Project, ours, owner, &plain),
        of(Scope::Project, ours, lessee, &plain),
        of(Scope::Project, ours, owned_by(Some("another")), &plain),
        of(Scope::Project, services, owner, &plain),
        of(Scope::Project, services, owner, &elevated),
    ]
    .join(" ")
}

fn table(personas: &[(char, Option<Role>)], policy: &dyn Fn(Rbac) -> Policy) -> String {
    let mut table = format!(
        "{:<55} system owner lessee other services elevated\n",
        "rule"
    );
    for rule in rules::ALL {
        let line = line(rule, personas, policy);
        writeln!(table, "{:<55} {line}", rule.name).unwrap();
    }
    table
}

/// A admin, G manager, M member, R reader, S service; with the roles that each implies.
#[test]
fn persona_by_rule() {
    let table = table(&PERSONAS[..5], &Policy::new);
    insta::assert_snapshot!(table);
}

/// The same, and O for the role operator, with a file that changes rules; Ironic is given the same file.
#[test]
fn persona_by_rule_with_a_file() {
    let text = include_str!("policy.yaml");
    let policy = |rbac| Policy::of_text(rbac, Path::new("policy.yaml"), text).unwrap();
    let table = table(&PERSONAS, &policy);
    insta::assert_snapshot!(table);
}

#[test]
fn who_has_no_project_owns_nothing() {
    let nobody = Caller::Known(Identity::default().with_implied_roles([Role::Admin]));
    let policy = Policy::new(Rbac::default());
    assert!(!rules::NODE_GET.allows(&nobody, Target::NOBODYS, &policy, &Answers::default()));
    let trusted = Caller::Trusted { user: None };
    assert!(rules::NODE_GET.allows(&trusted, Target::NOBODYS, &policy, &Answers::default()));
    let anybody = "'baremetal:node:get': '@'";
    let policy = Policy::of_text(Rbac::default(), Path::new("policy.yaml"), anybody).unwrap();
    assert!(!rules::NODE_GET.allows(&nobody, Target::NOBODYS, &policy, &Answers::default()));
}

/// What is carried out later is for whom the rule lets, and for as long as it would let them.
#[test]
fn a_mandate_says_whose_nodes_it_is_good_for() {
    let mandate = |identity: Identity, rule: &Rule, policy: &dyn Fn() -> Policy| {
        let caller = Caller::Known(identity);
        let access = super::super::Access::new(caller, Arc::new(policy()));
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
        let own = || Policy::new(Rbac::default());
        assert_eq!(mandate(identity, rule, &own), expected, "{who}");
    }
    for (text, expected) in [
        ("@", "anything"),
        ("not project_id:%(node.lessee)s", "nothing"),
        ("not 'kept':%(node.owner)s", "owner"),
        ("not user_id:%(node.lessee)s", "lessee"),
        ("None:%(node.owner)s", "nothing"),
        (
            "project_id:%(node.owner)s and None:%(node.lessee)s",
            "nothing",
        ),
    ] {
        let file = format!("\"baremetal:node:set_provision_state\": \"{text}\"");
        let file = || Policy::of_text(Rbac::default(), Path::new("policy.yaml"), &file).unwrap();
        assert_eq!(
            mandate(ours(Role::Admin), provision, &file),
            expected,
            "{text}"
        );
    }
}
