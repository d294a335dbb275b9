//! Which keys each version of the API shows: read off a running Ironic 39.0.0, version by version; those of port groups,
//! chassis and volumes in its source.

use crate::api::version::ApiVersion;
use std::collections::{BTreeMap, BTreeSet};

/// By kind of object and minor version: the keys that came with it.
type Keys = BTreeMap<String, BTreeMap<u16, Vec<String>>>;

fn keys(what: &str, minor: u16) -> BTreeSet<String> {
    let keys: Keys = serde_json::from_str(include_str!("ironic_keys.json")).unwrap();
    let upto = keys[what].range(..=minor);
    upto.flat_map(|(_, names)| names.clone()).collect()
}

/// Compares what this version shows with what Ironic shows.
pub(in crate::api) fn check_keys<'a>(
    what: &str,
    minor: u16,
    shown: impl FnOnce(ApiVersion) -> Vec<&'a str>,
) {
    let shown: BTreeSet<String> = shown(ApiVersion(minor))
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(shown, keys(what, minor), "{what} in version 1.{minor}");
}
