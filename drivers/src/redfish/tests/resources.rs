//! What a fake BMC has to show: a service root, and systems as its oddities make them.

use serde_json::{Value, json};

use super::oddities::{Auth, Oddities, Resources};

/// All of it, by path.
pub(super) fn resources(oddities: &Oddities) -> Resources {
    let mut resources = Resources::default();
    resources.insert("/redfish/v1/".into(), root(oddities.auth));
    let members: Vec<_> = oddities
        .systems
        .iter()
        .map(|id| json!({"@odata.id": path_of(id)}))
        .collect();
    resources.insert("/redfish/v1/Systems".into(), json!({"Members": members}));
    for id in &oddities.systems {
        let path = path_of(id);
        let mut system = system(&path);
        merge(&mut system, &oddities.system);
        resources.insert(path, system);
    }
    resources.extend(
        oddities
            .resources
            .iter()
            .map(|(path, body)| ((*path).to_owned(), body.clone())),
    );
    resources
}

fn root(auth: Auth) -> Value {
    let mut root = json!({"Systems": {"@odata.id": "/redfish/v1/Systems"}});
    if !matches!(auth, Auth::Open | Auth::Basic) {
        let sessions = json!({"@odata.id": "/redfish/v1/SessionService/Sessions"});
        root["Links"] = json!({"Sessions": sessions});
    }
    root
}

/// Of a system, by its id or by its path itself.
fn path_of(id: &str) -> String {
    match id.contains('/') {
        true => id.to_owned(),
        false => format!("/redfish/v1/Systems/{id}"),
    }
}

fn system(path: &str) -> Value {
    json!({
        "@odata.id": path,
        "Manufacturer": "Ferric",
        "PowerState": "Off",
        "Boot": {
            "BootSourceOverrideEnabled": "Disabled",
            "BootSourceOverrideTarget": "None",
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd", "Cd", "BiosSetup", "UefiHttp", "UsbCd"],
            "BootSourceOverrideMode": "UEFI",
        },
        "Actions": {"#ComputerSystem.Reset": {
            "target": format!("{path}/Actions/ComputerSystem.Reset"),
            "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown", "ForceRestart"],
        }},
    })
}

/// JSON merge patch, RFC 7396.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}
