//! Errors that the kernel counts of each interface: those that come while a network is burned in say where it is weak.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::host::{Tree, names};

const KINDS: [&str; 7] = [
    "rx_errors",
    "rx_crc_errors",
    "rx_frame_errors",
    "rx_missed_errors",
    "tx_errors",
    "tx_carrier_errors",
    "collisions",
];

/// The counters by interface and kind.
pub(super) type Counters = BTreeMap<(String, &'static str), u64>;

pub(super) fn read(tree: &Tree) -> Counters {
    let folder = tree.path("sys/class/net");
    let mut counters = Counters::new();
    for name in names(&folder) {
        for kind in KINDS {
            let count = tree.text(format!("sys/class/net/{name}/statistics/{kind}"));
            if let Some(count) = count.and_then(|text| text.parse().ok()) {
                counters.insert((name.clone(), kind), count);
            }
        }
    }
    counters
}

/// What has grown: `{"eth0": {"rx_crc_errors": 3}}`.
pub(super) fn growth(before: &Counters, after: &Counters) -> Value {
    let mut grown = Map::new();
    for ((name, kind), count) in after {
        let earlier = before.get(&(name.clone(), *kind)).copied().unwrap_or(0);
        if *count > earlier {
            tracing::warn!(
                interface = name,
                kind,
                errors = count - earlier,
                "an interface had errors"
            );
            let of_interface = grown.entry(name.clone()).or_insert_with(|| json!({}));
            of_interface[*kind] = json!(count - earlier);
        }
    }
    Value::Object(grown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_grown_is_told() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sys/class/net/eth0/statistics");
        std::fs::create_dir_all(&folder).unwrap();
        let set = |kind, count| std::fs::write(folder.join(kind), count).unwrap();
        let tree = Tree::below(root.path());
        set("rx_crc_errors", "2\n");
        set("tx_errors", "5\n");
        set("rx_bytes", "5\n");
        let before = read(&tree);
        assert_eq!(before.len(), 2);
        set("rx_crc_errors", "9\n");
        set("rx_bytes", "500\n");
        let expected = json!({"eth0": {"rx_crc_errors": 7}});
        assert_eq!(growth(&before, &read(&tree)), expected);
        assert_eq!(growth(&before, &before), json!({}));
    }
}
