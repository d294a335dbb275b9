//! Whether a disk fits hints.

use super::expression::{Expression, Operator, Range};
use super::{Attribute, DiskFacts, Hint, RootDeviceHints};

const GIB: u64 = 1 << 30;

impl RootDeviceHints {
    /// Whether all hints fit this disk.
    #[must_use]
    pub fn matches(&self, facts: &DiskFacts) -> bool {
        self.0.iter().all(|hint| hint.matches(facts))
    }
}

impl Hint {
    fn matches(&self, facts: &DiskFacts) -> bool {
        match self {
            Self::Rotational(wanted) => facts.disk.rotational == *wanted,
            Self::Size(expression) => expression.matches_size(facts.disk.size),
            Self::Text(attribute, expression) => {
                expression.matches_any(&text_values(*attribute, facts))
            }
        }
    }
}

/// Of the disk and of the paths to it.
fn text_values(attribute: Attribute, facts: &DiskFacts) -> Vec<&str> {
    let paths = facts.paths.iter();
    let of_paths = paths.flat_map(|path| own_values(attribute, path));
    let own = own_values(attribute, facts).into_iter();
    own.chain(of_paths).collect()
}

fn own_values(attribute: Attribute, facts: &DiskFacts) -> Vec<&str> {
    let disk = &facts.disk;
    let optional = match attribute {
        Attribute::Serial => return facts.serials(),
        Attribute::Wwn => return facts.wwns(),
        Attribute::Name => return vec![&disk.name],
        Attribute::Model => &disk.model,
        Attribute::Vendor => &disk.vendor,
        Attribute::WwnWithExtension => &disk.wwn_with_extension,
        Attribute::WwnVendorExtension => &disk.wwn_vendor_extension,
        Attribute::Hctl => &disk.hctl,
        Attribute::ByPath => &disk.by_path,
        Attribute::Tran => &disk.tran,
        // These two have hints of their own kind and never come here.
        Attribute::Size | Attribute::Rotational => &None,
    };
    optional.as_deref().into_iter().collect()
}

impl Expression {
    /// One of several values of a disk is enough, but none may be one that the hint excludes. A disk without the
    /// attribute is not equal to anything; Ironic's agent compares such a disk as if its value were `none`.
    fn matches_any(&self, values: &[&str]) -> bool {
        match self.operator {
            Operator::NumberNotEqual | Operator::TextNotEqual => {
                values.iter().all(|value| self.matches_text(value))
            }
            _ => values.iter().any(|value| self.matches_text(value)),
        }
    }

    fn matches_text(&self, value: &str) -> bool {
        let value = &*value.trim().to_lowercase();
        let wanted = &*self.values[0];
        match self.operator {
            Operator::TextEqual => value == wanted,
            Operator::TextNotEqual => value != wanted,
            Operator::TextLess => value < wanted,
            Operator::TextLessOrEqual => value <= wanted,
            Operator::TextGreater => value > wanted,
            Operator::TextGreaterOrEqual => value >= wanted,
            Operator::In => value.contains(wanted),
            Operator::AllIn => self.values.iter().all(|word| value.contains(word.as_str())),
            Operator::Or => self.values.iter().any(|one| value == one),
            Operator::RangeIn => self.compares(value, |_, _| false),
            Operator::NumberEqual => self.compares(value, |a, b| a == b),
            Operator::NumberNotEqual => !self.compares(value, |a, b| a == b),
            Operator::NumberLess => self.compares(value, |a, b| a < b),
            Operator::NumberLessOrEqual => self.compares(value, |a, b| a <= b),
            Operator::NumberGreater => self.compares(value, |a, b| a > b),
            Operator::NumberGreaterOrEqual => self.compares(value, |a, b| a >= b),
        }
    }

    /// Compares as numbers; what is not a number does not compare.
    fn compares(&self, value: &str, holds: impl Fn(f64, f64) -> bool) -> bool {
        let Ok(value) = value.parse::<f64>() else {
            return false;
        };
        match self.range {
            Some(range) => range.contains(value),
            None => self.values[0]
                .parse()
                .is_ok_and(|wanted| holds(value, wanted)),
        }
    }

    /// Sizes are whole GiB in hints, but hardly a disk has a whole number of them: for equality the size rounded
    /// down counts as well, for order the exact size.
    fn matches_size(&self, bytes: u64) -> bool {
        let exact = gib(bytes).to_string();
        let whole = (bytes / GIB).to_string();
        match self.operator {
            Operator::NumberEqual | Operator::TextEqual | Operator::Or => {
                self.matches_text(&exact) || self.matches_text(&whole)
            }
            Operator::NumberNotEqual | Operator::TextNotEqual => {
                self.matches_text(&exact) && self.matches_text(&whole)
            }
            _ => self.matches_text(&exact),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a disk of 2^53 bytes has 8 PiB, and hints are whole GiB"
)]
fn gib(bytes: u64) -> f64 {
    bytes as f64 / GIB as f64
}

impl Range {
    fn contains(self, value: f64) -> bool {
        let above = value > self.low.at || (self.low.included && value == self.low.at);
        let below = value < self.high.at || (self.high.included && value == self.high.at);
        above && below
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::inventory::Disk;

    fn disk() -> DiskFacts {
        DiskFacts {
            disk: Disk {
                name: "/dev/sda".to_owned(),
                model: Some("Samsung SSD 860".to_owned()),
                size: 500_107_862_016,
                serial: Some("S3Z1".to_owned()),
                wwn: Some("0x5002538e".to_owned()),
                hctl: Some("0:0:0:0".to_owned()),
                by_path: Some("/dev/disk/by-path/pci-0000:00:1f.2-ata-1".to_owned()),
                tran: Some("sata".to_owned()),
                ..Disk::default()
            },
            other_serials: vec!["SAMSUNG_S3Z1".to_owned()],
            ..DiskFacts::default()
        }
    }

    fn check(hints: &Value, expected: bool) {
        let hints = RootDeviceHints::parse(hints).unwrap();
        assert_eq!(hints.matches(&disk()), expected, "{hints}");
    }

    #[test]
    fn sizes_compare_in_gib() {
        // The disk has 465.76 GiB.
        for (hint, expected) in [
            (json!(465), true),
            (json!("465"), true),
            (json!(466), false),
            (json!("== 465"), true),
            (json!("= 465"), true),
            (json!("= 466"), false),
            (json!("!= 465"), false),
            (json!("> 465"), true),
            (json!("< 466"), true),
            (json!("<= 465"), false),
            (json!(">= 466"), false),
            (json!("<or> 100 <or> 465"), true),
            (json!("<or> 100 <or> 200"), false),
            (json!("<range-in> [ 400 500 ]"), true),
            (json!("<range-in> [ 100 400 ]"), false),
        ] {
            check(&json!({"size": hint}), expected);
        }
    }

    /// What is wanted lies above what the disk has, is just that, or lies below it.
    #[test]
    fn every_operator_on_both_sides_of_its_value() {
        let check_three = |hints: &dyn Fn(&str) -> Value, operator: &str, expected: [bool; 3]| {
            for (wanted, expected) in ["above", "at", "below"].into_iter().zip(expected) {
                let hints = hints(wanted);
                let parsed = RootDeviceHints::parse(&hints).unwrap();
                let disk = Disk {
                    serial: Some("m5".to_owned()),
                    hctl: Some("5".to_owned()),
                    size: 5 * GIB,
                    ..Disk::default()
                };
                let matches = parsed.matches(&DiskFacts::from(disk));
                assert_eq!(matches, expected, "{operator} {wanted}: {hints}");
            }
        };
        let text = |place: &str| match place {
            "above" => "m6",
            "at" => "m5",
            _ => "m4",
        };
        let number = |place: &str| match place {
            "above" => "6",
            "at" => "5",
            _ => "4",
        };
        for (operator, expected) in [
            ("s==", [false, true, false]),
            ("s!=", [true, false, true]),
            ("s<", [true, false, false]),
            ("s<=", [true, true, false]),
            ("s>", [false, false, true]),
            ("s>=", [false, true, true]),
            ("<in>", [false, true, false]),
            ("<all-in>", [false, true, false]),
            ("<or>", [false, true, false]),
        ] {
            let of = |place: &str| json!({"serial": format!("{operator} {}", text(place))});
            check_three(&of, operator, expected);
        }
        for (operator, expected) in [
            ("==", [false, true, false]),
            ("!=", [true, false, true]),
            ("<", [true, false, false]),
            ("<=", [true, true, false]),
            (">", [false, false, true]),
            (">=", [false, true, true]),
            ("=", [false, true, true]),
        ] {
            for name in ["size", "hctl"] {
                let of = |place: &str| json!({name: format!("{operator} {}", number(place))});
                check_three(&of, operator, expected);
            }
        }
    }

    #[test]
    fn texts_compare_without_regard_to_case() {
        for (name, hint, expected) in [
            ("serial", "s3z1", true),
            ("serial", "samsung_s3z1", true),
            ("serial", "s!= S3Z1", false),
            ("serial", "s!= other", true),
            ("serial", "<or> other <or> S3Z1", true),
            ("model", "samsung ssd 860", true),
            ("model", "samsung", false),
            ("model", "<in> ssd 860", true),
            ("model", "<all-in> 860 samsung", true),
            ("model", "<all-in> 860 intel", false),
            ("model", "s>= a", true),
            ("model", "s< a", false),
            ("vendor", "none", false),
            ("vendor", "s!= intel", true),
            ("vendor", "<in> a", false),
            ("hctl", "0:0:0:0", true),
            ("tran", "SATA", true),
            ("name", "/dev/sda", true),
            ("wwn", "0x5002538E", true),
            ("by_path", "<in> ata-1", true),
            ("model", "> 3", false),
        ] {
            check(&json!({name: hint}), expected);
        }
    }

    #[test]
    fn a_disk_has_the_names_of_its_paths_too() {
        let path = |name: &str, hctl: &str| {
            DiskFacts::from(Disk {
                name: name.to_owned(),
                hctl: Some(hctl.to_owned()),
                ..Disk::default()
            })
        };
        let map = DiskFacts {
            paths: vec![path("/dev/sda", "0:0:0:0"), path("/dev/sdb", "1:0:0:0")],
            ..path("/dev/dm-0", "none")
        };
        for (hint, expected) in [
            (json!({"name": "/dev/dm-0"}), true),
            (json!({"name": "/dev/sdb"}), true),
            (json!({"name": "s!= /dev/sdb"}), false),
            (json!({"hctl": "1:0:0:0"}), true),
            (json!({"hctl": "2:0:0:0"}), false),
        ] {
            let hints = RootDeviceHints::parse(&hint).unwrap();
            assert_eq!(hints.matches(&map), expected, "{hint}");
        }
    }

    #[test]
    fn all_hints_must_fit() {
        check(&json!({"rotational": false, "serial": "S3Z1"}), true);
        check(&json!({"rotational": true, "serial": "S3Z1"}), false);
        check(&json!({}), true);
    }

    #[test]
    fn round_brackets_leave_the_bound_out() {
        let contains = |text: &str, bytes: u64| {
            let hints = RootDeviceHints::parse(&json!({"size": text})).unwrap();
            let disk = Disk {
                size: bytes,
                ..Disk::default()
            };
            hints.matches(&DiskFacts::from(disk))
        };
        assert!(contains("<range-in> [ 10 20 ]", 10 * GIB));
        assert!(!contains("<range-in> ( 10 20 ]", 10 * GIB));
        assert!(contains("<range-in> ( 10 20 ]", 20 * GIB));
        assert!(!contains("<range-in> ( 10 20 )", 20 * GIB));
    }
}
