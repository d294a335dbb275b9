//! What a BMC's attribute registry says of BIOS settings. It is large, and not every BMC has one: whoever reads settings
//! can do without.

use std::collections::HashMap;

use serde_json::Value;

use super::System;
use super::bmc::ROOT;
use super::exchange::Request;
use super::resource::Resource;
use crate::{BiosAttribute, BmcError};

/// How many registry files are looked into for the one that is meant.
const FILES: usize = 64;

impl System {
    /// The attributes of the registry that the BIOS resource names, by the names of settings; none where it names none.
    pub(super) async fn attributes(
        &self,
        bios: &Resource,
    ) -> Result<HashMap<String, BiosAttribute>, BmcError> {
        let Some(name) = bios.text("/AttributeRegistry") else {
            return Ok(HashMap::new());
        };
        let Some(file) = self.registry_file(name).await? else {
            return Ok(HashMap::new());
        };
        let Some(path) = location(&file) else {
            let problem = "no Location of it has a Uri";
            return Err(self.bmc.unusable(&Request::get(&file.path), problem));
        };
        let registry = self.bmc.get(path).await?;
        let entries = registry.value("/RegistryEntries/Attributes");
        let entries = entries.and_then(Value::as_array).into_iter().flatten();
        Ok(entries.filter_map(attribute).collect())
    }

    /// The file of this registry: most BMCs name it in its path, so those that do are looked into first.
    async fn registry_file(&self, name: &str) -> Result<Option<Resource>, BmcError> {
        let root = self.bmc.get(ROOT).await?;
        let path = root.link("/Registries").unwrap_or("/redfish/v1/Registries");
        let mut members = self.bmc.get(path).await?.members();
        members.sort_by_key(|path| !path.contains(name));
        for path in members.into_iter().take(FILES) {
            let file = self.bmc.get(&path).await?;
            let is_meant = ["/Registry", "/Id"].map(|pointer| file.text(pointer) == Some(name));
            if is_meant.contains(&true) {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }
}

/// Where the registry is, in English where there is a choice.
fn location(file: &Resource) -> Option<&str> {
    let locations = file.value("/Location")?.as_array()?;
    let uri = |location: &&Value| location.get("Uri").is_some_and(Value::is_string);
    let in_english = |location: &&Value| {
        let language = location.get("Language").and_then(Value::as_str);
        language.is_some_and(|language| language.starts_with("en") || language == "default")
    };
    let with_uri = || locations.iter().filter(uri);
    let found = with_uri().find(in_english).or_else(|| with_uri().next());
    found?.get("Uri")?.as_str()
}

fn attribute(entry: &Value) -> Option<(String, BiosAttribute)> {
    let name = entry.get("AttributeName")?.as_str()?.to_owned();
    let text = |key: &str| Some(entry.get(key)?.as_str()?.to_owned());
    let number = |key: &str| entry.get(key)?.as_i64();
    let flag = |key: &str| entry.get(key)?.as_bool();
    let attribute = BiosAttribute {
        attribute_type: text("Type"),
        allowable_values: entry.get("Value").and_then(values),
        lower_bound: number("LowerBound"),
        upper_bound: number("UpperBound"),
        min_length: number("MinLength"),
        max_length: number("MaxLength"),
        read_only: flag("ReadOnly"),
        reset_required: flag("ResetRequired"),
        unique: flag("IsSystemUniqueProperty"),
    };
    Some((name, attribute))
}

fn values(list: &Value) -> Option<Vec<String>> {
    let name = |value: &Value| {
        let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
        text("ValueName").or_else(|| text("ValueDisplayName"))
    };
    Some(list.as_array()?.iter().filter_map(name).collect())
}
