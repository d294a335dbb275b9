//! Who services are by a file, and how people are shown whom a rule lets.

use super::of_text;
use crate::api::access::policy::{Answers, Policy};
use crate::api::access::rules;
use crate::api::access::who::Target;
use crate::auth::{Identity, Project, Role};
use crate::config::auth::Rbac;

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
    let lets = |text: &str| {
        of_text(text).allows(&rules::NODE_LIST_ALL, &service, node, &Answers::default())
    };
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
