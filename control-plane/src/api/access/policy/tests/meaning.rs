//! Whom each kind of check lets, and what it can ask of an object.

use super::{ann, of_text, root};
use crate::api::access::policy::parse::parse;
use crate::api::access::policy::{Answers, Asked};
use crate::api::access::who::Target;
use crate::auth::Identity;

fn holds(text: &str, identity: &Identity, target: Target<'_>) -> bool {
    let policy = of_text("'mine': 'project_id:%(node.owner)s'");
    let answers = Answers::default();
    let asked = Asked::new("a rule", (identity, target), &policy, &answers);
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
