//! Kinds of values, by the names that shapes have for them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// Later than this everything is that is measured here: 2023.
const LONG_AGO_S: f64 = 1.7e9;

/// Those of commands.
const STATUSES: [&str; 4] = ["RUNNING", "SUCCEEDED", "FAILED", "CLEAN_VERSION_MISMATCH"];

/// Whether a value is of a kind; `None` where nobody knows the kind.
pub(super) fn fits(kind: &str, found: &Value) -> Option<bool> {
    let text = |is: fn(&str) -> bool| found.as_str().is_some_and(is);
    Some(match kind {
        "any" => true,
        "bool" => found.is_boolean(),
        "number" => found.is_number(),
        "count" => found.is_u64(),
        "positive" => found.as_u64().is_some_and(|number| number > 0),
        "unix time" => found.as_f64().is_some_and(|seconds| seconds > LONG_AGO_S),
        "string" => found.is_string(),
        "text" => text(|text| !text.trim().is_empty()),
        "status" => text(|text| STATUSES.contains(&text)),
        "uuid" => text(|text| text.parse::<Uuid>().is_ok()),
        "timestamp" => text(|text| text.parse::<Timestamp>().is_ok()),
        "digits" => text(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())),
        "hex number" => text(is_hex_number),
        "mac" => text(is_mac),
        "macs" => text(|text| text.split(',').all(is_mac)),
        "tar.gz" => text(is_tar_gz),
        "certificate" => text(is_certificate),
        "https address" => text(|text| text.starts_with("https://127.0.0.1:")),
        "http address" => text(|text| text.starts_with("http://127.0.0.1:")),
        _ => return None,
    })
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_hex_number(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(is_hex)
}

/// In lower case, as Ironic compares them.
fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let is_byte = |part: &&str| part.len() == 2 && is_hex(part);
    parts.len() == 6 && parts.iter().all(is_byte) && text == text.to_lowercase()
}

/// Base64 of something that gzip has made.
fn is_tar_gz(text: &str) -> bool {
    STANDARD
        .decode(text)
        .is_ok_and(|bytes| bytes.starts_with(&[0x1f, 0x8b, 8]))
}

fn is_certificate(text: &str) -> bool {
    text.starts_with("-----BEGIN CERTIFICATE-----\n")
        && text.trim_end().ends_with("-----END CERTIFICATE-----")
        && !text.contains("PRIVATE KEY")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: &str, good: &[Value], bad: &[Value]) {
        for value in good {
            assert_eq!(fits(kind, value), Some(true), "{kind}: {value}");
        }
        for value in bad {
            assert_eq!(fits(kind, value), Some(false), "{kind}: {value}");
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        let id = json!("1be26c0b-03f2-4d2e-ae87-c02d7f33c781");
        check("uuid", &[id], &[json!("1be26c0b"), json!(1), json!(null)]);
        check("count", &[json!(0)], &[json!(-1), json!(1.5), json!("1")]);
        check("positive", &[json!(1)], &[json!(0)]);
        check("text", &[json!("a")], &[json!(" "), json!(1)]);
        check("status", &[json!("RUNNING")], &[json!("DONE"), json!(null)]);
        check("string", &[json!("")], &[json!(null)]);
        check("unix time", &[json!(1.8e9)], &[json!(1.0), json!("1.8e9")]);
        check(
            "timestamp",
            &[json!("2026-11-30T17:50:16Z")],
            &[json!("17:50"), json!(1)],
        );
        check(
            "digits",
            &[json!("10")],
            &[json!(""), json!("1a"), json!(1)],
        );
        check(
            "hex number",
            &[json!("0x8086")],
            &[json!("8086"), json!("0x")],
        );
        check(
            "mac",
            &[json!("52:54:00:00:00:0a")],
            &[json!("52:54:00:00:00:0A"), json!("52:54")],
        );
        let two = json!("52:54:00:00:00:0a,52:54:00:00:00:0b");
        check("macs", &[two], &[json!(""), json!("52:54:00:00:00:0a,")]);
        let gzip = STANDARD.encode([0x1f_u8, 0x8b, 8, 0]);
        check("tar.gz", &[json!(gzip)], &[json!("QUFB"), json!("?")]);
        let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        let with_key = format!("{pem}-----BEGIN PRIVATE KEY-----\n-----END CERTIFICATE-----\n");
        check(
            "certificate",
            &[json!(pem)],
            &[json!("AA=="), json!(with_key)],
        );
        assert_eq!(fits("strnig", &json!("x")), None);
    }
}
