//! What rules do not get to see: passwords in what they are given, unless the operator wants it so.

use crate::named::named;
use serde_json::Value;
use std::sync::LazyLock;

named!(
    /// Whether secrets are hidden from rules (`[inspection] mask_secrets`).
    MaskSecrets, "way to mask secrets", {
        Always = "always",
        Never = "never",
        Sensitive = "sensitive",
    }
);

impl MaskSecrets {
    /// Whether a rule is given asterisks.
    pub(super) fn masks(self, sensitive: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Sensitive => !sensitive,
        }
    }
}

/// Which values are shown as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    All,
    /// Of an inventory or of plugin data: but for Ironic's three keys.
    NoCredentials,
    /// Of a node: but for every key that sounds like a secret.
    NoSecrets,
}

/// Ironic's, exactly.
const CREDENTIALS: &[&str] = &["password", "auth_token", "bmc_password"];
/// In keys of a node's fields.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "configdrive",
    "private_key",
    "snmp_auth_key",
    "snmp_priv_key",
    "hex_kg_key",
];

static MASK: LazyLock<Value> = LazyLock::new(|| Value::from("***"));

impl Shown {
    /// The value under a key.
    pub(super) fn of<'a>(self, key: &str, value: &'a Value) -> &'a Value {
        let secret = match self {
            Self::All => false,
            Self::NoCredentials => CREDENTIALS.contains(&key),
            Self::NoSecrets => {
                let key = key.to_ascii_lowercase();
                SECRET_WORDS.iter().any(|word| key.contains(word))
            }
        };
        if secret { &MASK } else { value }
    }
}
