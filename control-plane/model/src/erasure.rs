//! Signed records of what was done to disks to erase them, kept beside their node. What was signed is not looked into here.

use crate::ids::{ErasureId, NodeId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One disk of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedErasure {
    pub uuid: ErasureId,
    pub node_uuid: NodeId,
    pub signed_at: Timestamp,
    pub envelope: Envelope,
}

/// A signed payload as DSSE has it (<https://github.com/secure-systems-lab/dsse>, version 1), with the key to check it with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    pub payload_type: String,
    /// In base64.
    pub payload: String,
    /// One.
    pub signatures: Vec<EnvelopeSignature>,
    /// In PEM (RFC 7468).
    pub public_key: String,
}

/// A signature, and which key made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    pub keyid: String,
    /// In base64.
    pub sig: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn an_envelope_has_the_names_of_the_standard() {
        let signature = EnvelopeSignature {
            keyid: "k".to_owned(),
            sig: "c2ln".to_owned(),
        };
        let erasure = SignedErasure {
            uuid: ErasureId(Uuid::nil()),
            node_uuid: NodeId(Uuid::nil()),
            signed_at: Timestamp::UNIX_EPOCH,
            envelope: Envelope {
                payload_type: "t".to_owned(),
                payload: "cA==".to_owned(),
                signatures: vec![signature],
                public_key: "p".to_owned(),
            },
        };
        let nil = Uuid::nil();
        let stored = json!({
            "uuid": nil, "node_uuid": nil, "signed_at": "1970-01-01T00:00:00Z",
            "envelope": {
                "payloadType": "t", "payload": "cA==", "signatures": [{"keyid": "k", "sig": "c2ln"}],
                "publicKey": "p",
            },
        });
        assert_eq!(json!(erasure), stored);
        let read: SignedErasure = serde_json::from_value(stored).unwrap();
        assert_eq!(read, erasure);
    }
}
