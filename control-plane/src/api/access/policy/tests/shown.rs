//! Who services are, by the settings and by a file, and how people are shown whom a rule lets.

use super::of_text;
use crate::api::access::policy::{Answers, Policy};
use crate::api::access::rules;
use crate::api::access::who::Target;
use crate::auth::{Identity, Project, Role};
use crate::config::auth::Rbac;
use std::path::Path;

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

/// Whether the role `service` in the project of this name is let everywhere, with Ferric's rule and one of a file.
fn is_elevated(rbac: &Rbac, project: Option<&str>) -> [bool; 2] {
    let service = Identity {
        project: Some(Project {
            id: "s".to_owned(),
            name: project.map(str::to_owned),
        }),
        ..Identity::default()
    };
    let service = service.with_implied_roles([Role::Service]);
    let text = "'baremetal:node:list_all': 'role:service and project_name:%(config.service_project_name)s'";
    let file = Policy::of_text(rbac.clone(), Path::new("policy.yaml"), text).unwrap();
    [Policy::new(rbac.clone()), file].map(|policy| {
        let node = Target::of_projects(Some("ours"), None);
        policy.allows(&rules::NODE_LIST_ALL, &service, node, &Answers::default())
    })
}

#[test]
fn services_are_let_everywhere_only_in_the_project_that_the_settings_name() {
    let named = |elevated: bool, name: &str| Rbac {
        service_role_elevated_access: elevated,
        service_project_name: name.to_owned(),
        ..Rbac::default()
    };
    for (rbac, project, expected) in [
        (Rbac::default(), Some("service"), false),
        (named(true, "service"), Some("service"), true),
        (named(true, "service"), Some("Service"), false),
        (named(true, "service"), None, false),
        (named(true, "admin"), Some("service"), false),
        (named(true, "admin"), Some("admin"), true),
        // No project is meant by none.
        (named(true, ""), Some(""), false),
        (named(true, ""), None, false),
        (named(false, "service"), Some("service"), false),
    ] {
        let is_let = is_elevated(&rbac, project);
        assert_eq!(is_let, [expected; 2], "{rbac:?}, {project:?}");
    }
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
