//! The file of a signed record: an envelope of DSSE (<https://github.com/secure-systems-lab/dsse>) with the public key and a
//! copy of the payload that people can read.
//!
//! What is signed are the bytes of the payload with their type, so that nobody has to agree on how JSON is written. Nothing
//! but those bytes is believed: the copy must say the same, or the file is bad.

use super::check::check;
use super::key::{PublicKey, SigningKey};
use super::statement::Statement;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferric_model::erasure::{Envelope, EnvelopeSignature};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// In this form; another form is another type.
const PAYLOAD_TYPE: &str = "application/vnd.ferric.erase-record.v1+json";

/// A record has a few KiB; whatever is larger is none.
pub(crate) const FILE_LIMIT_BYTES: u64 = 4 << 20;

/// All of a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedFile {
    payload_type: String,
    payload: String,
    signatures: Vec<EnvelopeSignature>,
    public_key: String,
    record: Value,
}

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Wrong {
    #[error(
        "it is larger than {} bytes, so that it is no erase record",
        FILE_LIMIT_BYTES
    )]
    TooLarge,
    #[error("it is no signed erase record")]
    NoRecord(#[source] serde_json::Error),
    #[error("its payloadType is {0:?}, and this release of ferric knows {known}", known = PAYLOAD_TYPE)]
    OtherType(String),
    #[error("its publicKey is no public key of Ed25519 in PEM")]
    NoKey,
    #[error("it has {0} signatures, and must have one")]
    Signatures(usize),
    #[error("its keyid is not the fingerprint of its publicKey")]
    KeyId,
    #[error("its {0} is not base64")]
    NoBase64(&'static str),
    #[error(
        "its signature is wrong: something was changed after it had been signed, or its publicKey is not that of the signer"
    )]
    Forged,
    #[error("it is signed by the key {fingerprint}, which is none of the keys that are believed")]
    Stranger { fingerprint: String },
    #[error("what was signed is no erase record")]
    Payload(#[source] serde_json::Error),
    #[error("the record that it shows is not the one that was signed")]
    Copy,
    #[error("it was signed and makes no sense: {0}")]
    Senseless(String),
}

/// A record that holds good.
#[derive(Debug, PartialEq)]
pub(crate) struct Verified {
    pub(crate) statement: Statement,
    pub(crate) key: PublicKey,
}

/// Puts a statement into an envelope.
pub(crate) fn sign(key: &SigningKey, statement: &Statement) -> Envelope {
    let payload = serde_json::to_vec(statement).expect("our own types serialise to JSON");
    let signature = key.sign(&to_be_signed(PAYLOAD_TYPE, &payload));
    let public = key.public();
    Envelope {
        payload_type: PAYLOAD_TYPE.to_owned(),
        payload: STANDARD.encode(&payload),
        signatures: vec![EnvelopeSignature {
            keyid: public.fingerprint(),
            sig: STANDARD.encode(signature),
        }],
        public_key: public.to_pem(),
    }
}

/// An envelope as its file has it. One whose payload cannot be read shows `null` as its record, and is bad.
pub(crate) fn file(envelope: Envelope) -> Value {
    let payload = STANDARD.decode(&envelope.payload).unwrap_or_default();
    let record = serde_json::from_slice(&payload).unwrap_or_default();
    let Envelope {
        payload_type,
        payload,
        signatures,
        public_key,
    } = envelope;
    let file = SignedFile {
        payload_type,
        payload,
        signatures,
        public_key,
        record,
    };
    serde_json::to_value(file).expect("our own types serialise to JSON")
}

/// Checks a file. Where no keys are given the one in the file is believed, which proves no more than that nothing was changed
/// since.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn verify(file: &[u8], believed: Option<&[PublicKey]>) -> Result<Verified, Wrong> {
    if file.len() as u64 > FILE_LIMIT_BYTES {
        return Err(Wrong::TooLarge);
    }
    let file: SignedFile = serde_json::from_slice(file).map_err(Wrong::NoRecord)?;
    if file.payload_type != PAYLOAD_TYPE {
        return Err(Wrong::OtherType(file.payload_type));
    }
    let key = PublicKey::of_exact_pem(&file.public_key).ok_or(Wrong::NoKey)?;
    let [signature] = &file.signatures[..] else {
        return Err(Wrong::Signatures(file.signatures.len()));
    };
    if signature.keyid != key.fingerprint() {
        return Err(Wrong::KeyId);
    }
    let decode = |field, text: &str| {
        let decoded = STANDARD.decode(text);
        decoded.map_err(|_| Wrong::NoBase64(field))
    };
    let payload = decode("payload", &file.payload)?;
    let sig = decode("sig", &signature.sig)?;
    if !key.has_signed(&to_be_signed(&file.payload_type, &payload), &sig) {
        return Err(Wrong::Forged);
    }
    if believed.is_some_and(|believed| !believed.contains(&key)) {
        let fingerprint = key.fingerprint();
        return Err(Wrong::Stranger { fingerprint });
    }
    let signed: Value = serde_json::from_slice(&payload).map_err(Wrong::Payload)?;
    if signed != file.record {
        return Err(Wrong::Copy);
    }
    let statement: Statement = serde_json::from_value(signed).map_err(Wrong::Payload)?;
    check(&statement.erasure).map_err(Wrong::Senseless)?;
    Ok(Verified { statement, key })
}

/// DSSE's pre-authentication encoding: no pair of type and payload has the bytes of another pair.
fn to_be_signed(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}
