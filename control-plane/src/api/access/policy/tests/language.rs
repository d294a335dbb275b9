//! From texts to checks: which bind closer, and what is no check.

use crate::api::access::policy::check::{Check, Subject};
use crate::api::access::policy::parse::parse;

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
        Check::Ask(address) => address.scheme().to_owned(),
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
        ("http://opa/v1/a?b=%(node.owner)s", "http"),
        ("https://[::1]:8181/%(user_id)s", "https"),
        ("(role:a or http://opa/)", "(role a or http)"),
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
        (
            "http:opa",
            "\"http:opa\" is no address of a server to ask: one is http://HOST/PATH",
        ),
        ("http:///opa", "is no address"),
        ("https://", "is no address"),
        ("http://opa:port/", "is no address"),
        // Which server it is must be known before anybody asks for anything.
        (
            "http://%(node.owner)s/",
            "with %(NAME)s behind the host only",
        ),
        ("http://opa%(node.owner)s", "behind the host only"),
        ("http://opa:%(user_id)s@elsewhere/", "behind the host only"),
        (
            "https://ann:secret@opa/",
            "without a user, a password and #",
        ),
        ("http://opa/#a", "without a user, a password and #"),
        ("http://opa/%(node.uuid)s", "%(node.uuid)s is not known"),
        ("http://opa/50%", "a % does not begin"),
        (
            "tenant:%(node.owner)s",
            "\"tenant\" is not known of a caller: before the colon stands rule, role, http, https, user_id",
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
