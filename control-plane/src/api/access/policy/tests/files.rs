//! Files as they are written: their forms, what is refused, what goes with what.

use super::{ann, of_text};
use crate::api::access::policy::parse::parse;
use crate::api::access::policy::{Answers, Policy, names};
use crate::api::access::rules;
use crate::api::access::who::Target;
use crate::config::auth::Rbac;
use std::path::Path;

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
        let is_let =
            of_text(text).allows(&rules::NODE_SET_POWER, &ann(), owned, &Answers::default());
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
    let lets = |text: &str, rule| of_text(text).allows(rule, &ann(), owned, &Answers::default());
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
