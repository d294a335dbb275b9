//! The account service, read-only: the one account of the lab file, and the roles that Redfish predefines.

use axum::Router;
use serde_json::{Value, json};

use super::resource::{collection, healthy, link, readable};
use super::{Bmc, View, paths};

const ACCOUNT: &str = "/redfish/v1/AccountService/Accounts/1";
const ADMINISTRATOR: &str = "Administrator";
/// With the privileges that the specification gives them.
const ROLES: [(&str, &[&str]); 3] = [
    (
        ADMINISTRATOR,
        &[
            "Login",
            "ConfigureManager",
            "ConfigureUsers",
            "ConfigureComponents",
            "ConfigureSelf",
        ],
    ),
    (
        "Operator",
        &["Login", "ConfigureComponents", "ConfigureSelf"],
    ),
    ("ReadOnly", &["Login", "ConfigureSelf"]),
];

pub(super) fn routes() -> Router<Bmc> {
    let roles = ROLES.map(|(name, _)| role_path(name));
    let all = readable(paths::ACCOUNT_SERVICE, |_| service())
        .merge(collection(
            paths::ACCOUNTS,
            "ManagerAccount",
            &[ACCOUNT.into()],
        ))
        .merge(readable(ACCOUNT, account))
        .merge(collection(paths::ROLES, "Role", &roles));
    ROLES.into_iter().fold(all, |all, (name, privileges)| {
        all.merge(readable(&role_path(name), move |_| role(name, privileges)))
    })
}

fn role_path(name: &str) -> String {
    format!("{}/{name}", paths::ROLES)
}

fn service() -> Value {
    json!({
        "@odata.type": "#AccountService.v1_13_0.AccountService",
        "Id": "AccountService",
        "Name": "Account Service",
        "ServiceEnabled": true,
        "Status": healthy(),
        "Accounts": link(paths::ACCOUNTS),
        "Roles": link(paths::ROLES),
    })
}

fn account(view: &View<'_>) -> Value {
    json!({
        "@odata.type": "#ManagerAccount.v1_10_0.ManagerAccount",
        "Id": "1",
        "Name": "User Account",
        "UserName": view.machine.bmc.username,
        "Password": null,
        "AccountTypes": ["Redfish"],
        "RoleId": ADMINISTRATOR,
        "Enabled": true,
        "Locked": false,
        "Links": {"Role": link(role_path(ADMINISTRATOR))},
    })
}

fn role(name: &str, privileges: &[&str]) -> Value {
    json!({
        "@odata.type": "#Role.v1_3_1.Role",
        "Id": name,
        "Name": format!("{name} Role"),
        "RoleId": name,
        "IsPredefined": true,
        "AssignedPrivileges": privileges,
        "OemPrivileges": [],
    })
}
