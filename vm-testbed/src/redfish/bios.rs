//! The BIOS resource, only as much as tells which firmware starts next. It cannot be written.

use axum::Router;
use serde_json::{Value, json};

use super::resource::readable;
use super::{Bmc, View, paths};
use crate::boot::Mode;
use crate::config::Machine;

pub(super) fn routes(machine: &Machine) -> Router<Bmc> {
    readable(&paths::under_system(machine, "Bios"), body)
}

fn body(view: &View<'_>) -> Value {
    let mode = match view.status.boot.mode {
        Mode::Uefi => "Uefi",
        Mode::Legacy => "Bios",
    };
    json!({
        "@odata.type": "#Bios.v1_2_1.Bios",
        "Id": "Bios",
        "Name": "BIOS Settings",
        "Attributes": {"BootMode": mode},
    })
}
