//! `.json` behind a path: the versions up to 1.90 take it for a wish for JSON, and there is nothing else.
//!
//! A name may end so too. Whatever stands in the place of a name keeps the suffix here, and whoever looks the name up
//! tries it whole first.

use super::version::ApiVersion;
use crate::api::gates::SUFFIX_GONE;

const SUFFIX: &str = ".json";

/// The text without the suffix, where the version knows it and something is left.
pub(super) fn strip(version: ApiVersion, text: &str) -> Option<&str> {
    let known = version.0 < SUFFIX_GONE;
    let rest = text.strip_suffix(SUFFIX).filter(|_| known);
    rest.filter(|rest| !rest.is_empty() && !rest.ends_with('/'))
}

/// The path without the suffix, unless it ends in a name.
pub(super) fn strip_path(version: ApiVersion, path: &str) -> Option<&str> {
    let rest = strip(version, path)?;
    let segments: Vec<_> = rest.split('/').skip(1).collect();
    let ends_in_name = match segments.as_slice() {
        [
            "v1",
            "nodes" | "ports" | "portgroups" | "chassis",
            "detail" | "validate",
        ] => false,
        ["v1", "volume", "connectors" | "targets"] => false,
        ["v1", "volume", _, _]
        | ["v1", _, _]
        | ["v1", "nodes", _, "vifs", _]
        | ["v1", "runbooks", _, "traits", _] => true,
        _ => false,
    };
    (!ends_in_name).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_it() {
        let check = |minor, path: &str, expected: Option<&str>| {
            assert_eq!(strip_path(ApiVersion(minor), path), expected, "{path}");
        };
        check(2, "/v1/nodes.json", Some("/v1/nodes"));
        check(90, "/v1/nodes/detail.json", Some("/v1/nodes/detail"));
        check(90, "/v1/nodes/a/states.json", Some("/v1/nodes/a/states"));
        check(1, "/v1/nodes.json", Some("/v1/nodes"));
        check(91, "/v1/nodes.json", None);
        check(90, "/v1/nodes/a.json", None);
        check(90, "/v1/portgroups/a.json", None);
        check(
            90,
            "/v1/portgroups/detail.json",
            Some("/v1/portgroups/detail"),
        );
        check(90, "/v1/volume/targets.json", Some("/v1/volume/targets"));
        check(90, "/v1/volume/targets/a.json", None);
        check(90, "/v1/nodes/a/vifs/b.json", None);
        check(90, "/v1/.json", None);
    }
}
