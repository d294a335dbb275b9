//! The language of checks, and files of rules: what is read, what it means, and what is refused.

use super::check::{Check, Subject};
use super::parse::parse;
use super::{Asked, Policy, names};
use crate::api::access::rules;
use crate::api::access::who::Target;
use crate::auth::{Domains, Identity, Project, Role, Scope};
use crate::config::auth::Rbac;
use std::path::Path;

/// A check as it was understood, with all its parentheses.
fn shape(check: &Check) -> String {
    let several = |checks: &[Check], word: &str| {
        let shapes: Vec<String> = checks.iter().map(shape).collect();
        format!("({})", shapes.join(word))
    };
    match check {
        Check::Always => "@".to_owned(),
        Check::Never => "!".to_owned(),
        Check::Not(check) => format!("not {}", shape(check)),
        Check::All(checks) => several(checks, " and "),
        Check::Any(checks) => several(checks, " or "),
        Check::Rule(name) => name.clone(),
        Check::Role(name) => format!("role {}", name.constant().unwrap_or("%")),
        Check::Equal(Subject::Constant(text), _) => format!("={text}"),
        Check::Equal(Subject::Caller(attribute), _) => format!("{attribute:?}"),
    }
}

#[test]
fn not_binds_closer_than_and_and_that_closer_than_or() {
    for (text, expected) in [
        ("", "@"),
        ("@", "@"),
        ("!", "!"),
        ("rule:a", "a"),
        ("rule:baremetal:node:get", "baremetal:node:get"),
        ("role:a", "role a"),
        ("project_id:%(node.owner)s", "ProjectId"),
        ("'x':%(node.owner)s", "=x"),
        ("\"x\":%(node.owner)s", "=x"),
        ("True:%(is_admin_project)s", "=True"),
        ("-5:%(node.owner)s", "=-5"),
        ("rule:a or rule:b and rule:c", "(a or (b and c))"),
        ("rule:a and rule:b or rule:c", "((a and b) or c)"),
        (
            "rule:a or rule:b and rule:c or rule:d",
            "(a or (b and c) or d)",
        ),
        ("not rule:a and rule:b", "(not a and b)"),
        ("not rule:a or rule:b", "(not a or b)"),
        ("rule:a or not rule:b and rule:c", "(a or (not b and c))"),
        ("not not rule:a", "not not a"),
        ("not (rule:a or rule:b)", "not (a or b)"),
        ("(rule:a or rule:b) and rule:c", "((a or b) and c)"),
        ("((rule:a))", "a"),
        ("( rule:a )  OR\trule:b", "(a or b)"),
        (
            "(project_id:%(node.owner)s or project_id:%(node.lessee)s)",
            "(ProjectId or ProjectId)",
        ),
    ] {
        let check = parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
        assert_eq!(shape(&check), expected, "{text}");
    }
}

#[test]
fn what_is_no_check_is_refused_with_what_is_allowed() {
    let deep = format!("{}rule:a{}", "(".repeat(33), ")".repeat(33));
    for (text, expected) in [
        (" ", "it says nothing"),
        ("rule:a and", "it ends where a check must follow"),
        ("not", "it ends where a check must follow"),
        ("(rule:a", "a parenthesis is not closed"),
        ("rule:a)", "\")\" cannot stand where it does"),
        ("()", "\")\" cannot stand"),
        ("rule:a rule:b", "\"rule:b\" cannot stand"),
        ("and rule:a", "\"and\" cannot stand"),
        ("rule:a or or rule:b", "\"or\" cannot stand"),
        ("rule:a (rule:b)", "\"(\" cannot stand"),
        ("(rule:a not rule:b)", "\"not\" cannot stand"),
        ("admin", "\"admin\" is no check: one is KIND:VALUE"),
        ("'a text'", "\"'a\" is no check"),
        ("http://opa/%(node.owner)s", "http: asks another server"),
        ("https://opa/", "asks another server"),
        (
            "tenant:%(node.owner)s",
            "\"tenant\" is not known of a caller: before the colon stands rule, role, user_id",
        ),
        ("not(role:a)", "\"not(role\" is not known"),
        ("true:%(node.owner)s", "True, False, None"),
        ("'a:%(node.owner)s", "\"'a\" is not known"),
        ("007:%(node.owner)s", "\"007\" is not known"),
        (
            "project_id:%(node.uuid)s",
            "%(node.uuid)s is not known: there are node.owner, node.lessee",
        ),
        ("role:%(roles)s", "%(roles)s is not known"),
        ("project_id:%(node.owner)", "a % does not begin %(NAME)s"),
        ("project_id:%(node.owner)d", "a % does not begin"),
        ("project_id:50%", "a % does not begin"),
        (deep.as_str(), "more than 32"),
    ] {
        let wrong = parse(text).expect_err(text).to_string();
        assert!(wrong.contains(expected), "{text}: {wrong}");
    }
}

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

fn holds(text: &str, identity: &Identity, target: Target<'_>) -> bool {
    let policy = of_text("'mine': 'project_id:%(node.owner)s'");
    let asked = Asked {
        identity,
        target,
        policy: &policy,
    };
    parse(text).unwrap().holds(&asked)
}

#[test]
fn each_kind_of_check() {
    let (ann, root) = (ann(), root());
    let owned = Target::of_projects(Some("ours"), None);
    check(&[
        ("@", &ann, owned, true),
        ("!", &ann, owned, false),
        ("not !", &ann, owned, true),
        ("@ and !", &ann, owned, false),
        ("! or @", &ann, owned, true),
        ("role:member", &ann, owned, true),
        ("role:READER", &ann, owned, true),
        ("role:operator", &ann, owned, true),
        ("role:admin", &ann, owned, false),
        ("role:operator", &root, owned, false),
        ("roles:operator", &ann, owned, true),
        ("roles:manager", &ann, owned, false),
        ("user_id:ann", &ann, owned, true),
        ("user_id:ann", &root, owned, false),
        ("user_domain_id:d", &ann, owned, true),
        ("project_name:the", &ann, owned, false),
        ("project_domain_id:None", &ann, owned, true),
        ("domain_id:x", &ann, owned, false),
        ("system_scope:all", &root, owned, true),
        ("system_scope:all", &ann, owned, false),
        ("is_admin_project:True", &ann, owned, true),
        ("is_admin_project:True", &root, owned, false),
        ("is_admin_project:False", &root, owned, true),
        ("is_public_api:True", &ann, owned, false),
        // Ironic tells its rules of nobody that they are one: its rule is_admin says who is.
        ("is_admin:True", &root, owned, false),
        ("is_admin:False", &ann, owned, false),
        ("rule:is_admin", &root, owned, true),
        ("rule:is_admin", &ann, owned, false),
    ]);
}

#[test]
fn what_a_check_can_ask_of_an_object() {
    let (ann, root) = (ann(), root());
    let owned = Target::of_projects(Some("ours"), None);
    let leased = Target::of_projects(Some("theirs"), Some("ours"));
    let free = Target::of_projects(None, None);
    check(&[
        ("project_id:%(node.owner)s", &ann, owned, true),
        ("project_id:%(node.owner)s", &ann, leased, false),
        ("project_id:%(node.lessee)s", &ann, leased, true),
        ("project_id:%(node.lessee)s", &ann, owned, false),
        ("rule:mine", &ann, owned, true),
        ("rule:mine", &ann, leased, false),
        ("rule:is_node_lessee", &ann, leased, true),
        // A rule that the file does not change.
        ("rule:baremetal:node:set_power_state", &ann, leased, true),
        ("rule:baremetal:node:delete", &ann, owned, false),
        ("rule:service_role", &ann, owned, false),
        ("'ours':%(node.owner)s", &root, owned, true),
        ("'ours':%(node.owner)s", &root, leased, false),
        ("None:%(node.owner)s", &root, free, true),
        ("None:%(node.owner)s", &root, owned, false),
        ("True:%(is_admin_project)s", &ann, free, true),
        ("project_id:%(project_id)s", &ann, free, true),
        ("user_id:%(user_id)s", &root, free, true),
        ("'p-ours-100%':p-%(node.owner)s-100%%", &root, owned, true),
        // Who has no project does not own what belongs to nobody.
        ("project_id:%(node.owner)s", &root, free, false),
        ("project_id:%(node.lessee)s", &root, owned, false),
        ("project_id:None", &root, free, true),
        ("role:%(node.owner)s", &ann, free, false),
        // What another kind of object has.
        ("project_id:%(allocation.owner)s", &ann, owned, false),
        ("project_id:%(runbook.owner)s", &ann, owned, false),
        ("None:%(allocation.owner)s", &ann, free, false),
        ("not project_id:%(runbook.owner)s", &ann, owned, true),
        (
            "project_id:%(allocation.owner)s",
            &ann,
            Target::of_allocation(Some("ours")),
            true,
        ),
        (
            "project_id:%(node.owner)s",
            &ann,
            Target::of_allocation(Some("ours")),
            false,
        ),
        (
            "project_id:%(runbook.owner)s",
            &ann,
            Target::of_runbook(Some("ours")),
            true,
        ),
        ("project_id:%(node.owner)s", &ann, Target::NOBODYS, false),
        // Only where services have more than others.
        (
            "'service':%(config.service_project_name)s",
            &ann,
            owned,
            false,
        ),
    ]);
}

/// Text, caller, object, and whether it holds.
fn check(rows: &[(&str, &Identity, Target<'_>, bool)]) {
    for (text, identity, target, expected) in rows {
        let who = &identity.user;
        assert_eq!(
            holds(text, identity, *target),
            *expected,
            "{text}, {who}, {target:?}"
        );
    }
}

#[test]
fn files_in_yaml_and_json_and_in_the_old_form() {
    let owned = Target::of_projects(Some("ours"), None);
    for (text, expected) in [
        ("", true),
        ("# nothing\n", true),
        ("{}", true),
        ("\"baremetal:node:set_power_state\": \"!\"", false),
        ("baremetal:node:set_power_state: role:operator", true),
        (
            "{\"baremetal:node:set_power_state\": \"role:admin\"}",
            false,
        ),
        ("{\n\t\"baremetal:node:set_power_state\": []\n}", true),
        ("'baremetal:node:set_power_state': [[]]", false),
        (
            "'baremetal:node:set_power_state': ['role:admin', 'role:operator']",
            true,
        ),
        (
            "'baremetal:node:set_power_state': [['role:admin', 'role:operator']]",
            false,
        ),
        (
            "'baremetal:node:set_power_state': [['role:member', 'rule:is_node_owner'], '!']",
            true,
        ),
    ] {
        let is_let = of_text(text).allows(&rules::NODE_SET_POWER, &ann(), owned);
        assert_eq!(is_let, expected, "{text}");
    }
}

#[test]
fn a_bad_file_is_refused_by_its_name_and_the_rules() {
    let far: String = (0..40)
        .map(|number| format!("'r{number:02}': 'rule:r{:02}'\n", number + 1))
        .collect();
    for (text, expected) in [
        ("- a", vec!["must be a map from names of rules to checks"]),
        ("just a text", vec!["must be a map"]),
        ("5: '@'", vec!["must be a map"]),
        ("'a': '@", vec!["is not valid YAML"]),
        ("'a': '@'\n'a': '!'", vec!["is not valid YAML", "duplicate"]),
        ("'a': 'admin'", vec!["rule \"a\": \"admin\" is no check"]),
        (
            "'a':",
            vec!["rule \"a\"", "and not nothing", "\"!\" for nobody"],
        ),
        ("'a': true", vec!["and not true or false"]),
        ("'a': !", vec!["rule \"a\"", "and not"]),
        ("'a': [[['role:b']]]", vec!["a list in a list in a list"]),
        (
            "'a': ['role:b and role:c']",
            vec!["\"role:b and role:c\" is no check"],
        ),
        (
            "'baremetal:node:get': 'rule:nobody'",
            vec![
                "rule \"baremetal:node:get\": there is no rule \"nobody\"",
                "`ferric policy` shows, service_role, admin_api",
            ],
        ),
        (
            "'a': 'rule:a'",
            vec!["rule \"a\": it refers to itself: a -> a"],
        ),
        (
            "'a': 'rule:b'\n'b': 'not (role:c or rule:a)'",
            vec!["itself: a -> b -> a"],
        ),
        (
            "'baremetal:node:get': 'rule:baremetal:node:get'",
            vec!["refers to itself"],
        ),
        (
            "'service_role': 'rule:baremetal:node:get'",
            vec!["refers to itself"],
        ),
        (
            "'is_admin': 'rule:admin_api'\n'admin_api': 'rule:is_admin'",
            vec!["refers to itself"],
        ),
        (far.as_str(), vec!["more than 32 rules"]),
    ] {
        let policy = Policy::of_text(Rbac::default(), Path::new("/etc/policy.yaml"), text);
        let error = policy.map(drop).expect_err(text);
        let error = format!("{:#}", anyhow::Error::new(error));
        for part in expected.into_iter().chain(["/etc/policy.yaml"]) {
            assert!(error.contains(part), "{text}: {error}");
        }
    }
    let missing = Policy::read(Rbac::default(), Path::new("/nonexistent/policy.yaml"));
    let error = missing.map(drop).unwrap_err().to_string();
    assert!(
        error.contains("/nonexistent/policy.yaml (auth.policy_file)"),
        "{error}"
    );
}

#[test]
fn what_changes_nothing_is_told() {
    let text = "'baremetal:node:gett': '@'\n'show_password': '@'\n'mine': 'rule:is_admin'\n'idle': 'rule:mine'\n\
                'baremetal:node:get': 'rule:mine'\n'admin_api': 'role:root'\n'is_member': '!'\n'is_observer': '!'\n\
                'baremetal:node:ipa_heartbeat': '!'\n'service_role': '!'\n'ferric:export': '!'\n\
                'baremetal:step:execute:deploy.erase_devices': '!'";
    let policy = of_text(text);
    let warned: Vec<&str> = policy
        .warnings()
        .iter()
        .map(|warning| warning.split('"').nth(1).unwrap())
        .collect();
    assert_eq!(
        warned,
        [
            "baremetal:node:gett",
            "show_password",
            "idle",
            "is_observer",
            "baremetal:node:ipa_heartbeat"
        ]
    );
    assert!(policy.warnings()[1].contains("secrets are shown to nobody"));
}

#[test]
fn rules_that_were_split_off_go_with_the_one_that_is_changed() {
    let owned = Target::of_projects(Some("ours"), None);
    let lets = |text: &str, rule| of_text(text).allows(rule, &ann(), owned);
    let never = "'baremetal:node:set_power_state': '!'\n";
    assert!(!lets(never, &rules::NODE_SET_BOOT_MODE));
    assert!(lets(
        &format!("{never}'baremetal:node:set_boot_mode': '@'"),
        &rules::NODE_SET_BOOT_MODE
    ));
    assert!(lets("", &rules::NODE_SET_BOOT_MODE));
    // As Ironic's own sample has it.
    let sample = "'baremetal:node:set_power_state': 'rule:baremetal:node:set_boot_mode'";
    assert!(lets(sample, &rules::NODE_SET_POWER) && lets(sample, &rules::NODE_SET_BOOT_MODE));
    for (name, from) in names::SPLIT_OFF {
        let is_rule = |name: &&str| rules::ALL.iter().any(|rule| rule.name == *name);
        assert!(is_rule(name) && is_rule(from), "{name}, {from}");
    }
}

#[test]
fn names_that_are_listed_are_rules() {
    let is_rule = |name: &str| rules::ALL.iter().any(|rule| rule.name == name);
    assert!(names::SYSTEM_ONLY.iter().all(|name| is_rule(name)));
    assert!(!names::UNASKED.iter().any(|(name, _)| is_rule(name)));
    for (name, text) in names::PARTS {
        assert!(!is_rule(name) && parse(text).is_ok(), "{name}");
    }
}

#[test]
fn services_are_who_the_file_says() {
    let service = Identity {
        project: Some(Project {
            id: "s".to_owned(),
            name: Some("our services".to_owned()),
        }),
        ..Identity::default()
    };
    let service = service.with_implied_roles([Role::Service]);
    let node = Target::of_projects(Some("ours"), None);
    let lets = |text: &str| of_text(text).allows(&rules::NODE_LIST_ALL, &service, node);
    assert!(!lets(""));
    assert!(!lets("'service_role': 'role:service and project_name:our'"));
    assert!(lets("'service_role': 'project_id:s'"));
    let policy = of_text("'service_role': 'project_id:s'");
    let shown = policy.shown(&rules::NODE_LIST_ALL);
    assert_eq!(
        shown,
        "reader of the system, service of the system, and whoever fulfils \"project_id:s\", of the policy file"
    );
    assert_eq!(
        policy.shown(&rules::CHASSIS_GET),
        Policy::new(Rbac::default()).shown(&rules::CHASSIS_GET)
    );
}

#[test]
fn whom_a_changed_rule_lets_is_shown_as_it_is_written() {
    let text = "'baremetal:node:delete': \"role:a  and not role:b\"\n'baremetal:node:create': ''\n\
                'baremetal:node:validate': [['role:a', 'role:b'], '!']";
    let policy = of_text(text);
    for (rule, expected) in [
        (&rules::NODE_DELETE, "\"role:a  and not role:b\""),
        (&rules::NODE_CREATE, "\"\", which is everybody"),
        (&rules::NODE_VALIDATE, "\"(role:a and role:b) or !\""),
    ] {
        let expected = format!("whoever fulfils {expected}, of the policy file");
        assert_eq!(policy.shown(rule), expected);
    }
    assert_eq!(policy.shown(&rules::CHASSIS_CREATE), "admin of the system");
}
