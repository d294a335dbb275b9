//! What is signed is found good, and nothing else is.

mod rules;

use super::key::KEY_FILE;
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferric_agent_protocol::erase::{
    EraseFound, EraseMethod, EraseOutcome, EraseRecord, EraseSample,
};
use ferric_model::ids::{NodeId, RunId};
use ferric_model::run::Activity;
use ferric_model::step::StepId;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use uuid::Uuid;

const SIZE: u64 = 1 << 30;

fn new_key() -> SigningKey {
    let folder = tempfile::tempdir().unwrap();
    SigningKey::open_or_make(folder.path()).unwrap()
}

fn sample(offset_bytes: u64, found: EraseFound) -> EraseSample {
    EraseSample {
        offset_bytes,
        found,
    }
}

fn erased(method: EraseMethod, samples: Vec<EraseSample>) -> EraseRecord {
    EraseRecord {
        device: "/dev/sda".to_owned(),
        serial: Some("Z1D".to_owned()),
        model: None,
        wwn: None,
        size_bytes: SIZE,
        started_at: Timestamp::UNIX_EPOCH,
        finished_at: Timestamp::UNIX_EPOCH,
        outcome: EraseOutcome::Erased {
            method,
            failed_before: Vec::new(),
            sample_bytes: 4096,
            samples,
        },
    }
}

fn overwritten() -> EraseRecord {
    let zeroes = |offset| sample(offset, EraseFound::Zeroes);
    let method = EraseMethod::Overwrite {
        random_passes: 1,
        zeroed: true,
    };
    erased(method, vec![zeroes(0), zeroes(8192), zeroes(SIZE - 4096)])
}

fn statement(erasure: EraseRecord) -> Statement {
    Statement {
        node: Whose {
            uuid: NodeId(Uuid::from_u128(1)),
            name: Some("rack-1".to_owned()),
        },
        conductor: "one".to_owned(),
        activity: Activity::Clean,
        run: RunId(Uuid::from_u128(2)),
        step: StepId::new("deploy", "erase_devices"),
        signed_at: Timestamp::UNIX_EPOCH,
        erasure,
    }
}

fn written(file: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(file).unwrap()
}

fn signed(key: &SigningKey) -> Value {
    file(sign(key, &statement(overwritten())))
}

/// The sentence with which a file is refused.
fn refusal(file: &[u8], believed: Option<&[PublicKey]>) -> String {
    let wrong = verify(file, believed).unwrap_err();
    wrong.to_string()
}

#[test]
fn what_was_signed_is_found_good() {
    let (key, other) = (new_key(), new_key());
    let file = written(&signed(&key));
    let expected = Verified {
        statement: statement(overwritten()),
        key: key.public(),
    };
    assert_eq!(verify(&file, None).unwrap(), expected);
    let believed = [other.public(), key.public()];
    assert_eq!(verify(&file, Some(&believed)).unwrap(), expected);
    let text = refusal(&file, Some(&believed[..1]));
    assert!(text.contains(&key.public().fingerprint()), "{text}");
}

#[test]
fn people_read_what_was_signed() {
    let file = signed(&new_key());
    let payload = STANDARD.decode(file["payload"].as_str().unwrap()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(file["record"], payload);
    assert_eq!(payload["erasure"]["serial"], "Z1D");
    assert_eq!(
        payload["node"],
        json!({"uuid": Uuid::from_u128(1), "name": "rack-1"})
    );
}

/// As anybody may check it with other tools: the encoding stands in DSSE's specification, and the key's in RFC 8410.
#[test]
fn the_signature_is_that_of_the_standard() {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    let file = signed(&new_key());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let payload = STANDARD.decode(text(&file["payload"])).unwrap();
    let kind = "application/vnd.ferric.erase-record.v1+json";
    let mut message = format!("DSSEv1 43 {kind} {} ", payload.len()).into_bytes();
    message.extend(payload);
    let signature = STANDARD
        .decode(text(&file["signatures"][0]["sig"]))
        .unwrap();
    let pem = text(&file["publicKey"]);
    let lines: Vec<&str> = pem.lines().collect();
    assert_eq!(
        (lines[0], lines[2], lines.len()),
        ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----", 3)
    );
    let info = STANDARD.decode(lines[1]).unwrap();
    let key = UnparsedPublicKey::new(&ED25519, &info[12..]);
    key.verify(&message, &signature).unwrap();
}

#[test]
fn no_byte_may_be_another_one() {
    let file = written(&signed(&new_key()));
    verify(&file, None).unwrap();
    for place in 0..file.len() {
        for mask in [1, 0x20] {
            let mut changed = file.clone();
            changed[place] ^= mask;
            let outcome = verify(&changed, None);
            let line = String::from_utf8_lossy(&changed);
            assert!(outcome.is_err(), "byte {place} ^ {mask} of {line}");
        }
        assert!(verify(&file[..place], None).is_err(), "cut at {place}");
    }
}

#[test]
fn each_part_must_fit_the_others() {
    let (key, other) = (new_key(), new_key());
    let file = signed(&key);
    let check = |edit: &dyn Fn(&mut Value), expected: &str| {
        let mut changed = file.clone();
        edit(&mut changed);
        let text = refusal(&written(&changed), None);
        assert!(text.contains(expected), "{expected}: {text}");
    };
    let pem = json!(other.public().to_pem());
    check(&|file| file["publicKey"] = pem.clone(), "keyid");
    let with_key = |file: &mut Value| {
        file["publicKey"] = pem.clone();
        file["signatures"][0]["keyid"] = json!(other.public().fingerprint());
    };
    check(&with_key, "signature is wrong");
    let older = file_of(&key, "2025-01-01T00:00:00Z");
    check(
        &|file| file["payload"] = older["payload"].clone(),
        "signature is wrong",
    );
    check(
        &|file| file["record"] = older["record"].clone(),
        "not the one that was signed",
    );
    check(
        &|file| file["record"]["erasure"]["serial"] = json!("Z1E"),
        "not the one that was signed",
    );
    check(&|file| file["payloadType"] = json!("text/plain"), "knows");
    check(&|file| file["signatures"] = json!([]), "0 signatures");
    let twice = json!([file["signatures"][0], file["signatures"][0]]);
    check(&|file| file["signatures"] = twice.clone(), "2 signatures");
    check(&|file| file["publicKey"] = json!("none"), "publicKey");
    check(
        &|file| file["payload"] = json!("*"),
        "payload is not base64",
    );
    check(
        &|file| file["signatures"][0]["sig"] = json!("x"),
        "sig is not base64",
    );
}

fn file_of(key: &SigningKey, signed_at: &str) -> Value {
    file(sign(
        key,
        &Statement {
            signed_at: signed_at.parse().unwrap(),
            ..statement(overwritten())
        },
    ))
}

#[test]
fn files_that_are_too_large_are_not_read() {
    let limit = usize::try_from(FILE_LIMIT_BYTES).unwrap();
    let text = refusal(&vec![b' '; limit + 1], None);
    assert!(text.contains("larger than 4194304 bytes"), "{text}");
    let text = refusal(&vec![b' '; limit], None);
    assert!(text.contains("no signed erase record"), "{text}");
}

#[test]
fn what_makes_no_sense_is_bad_though_it_is_signed() {
    let record = EraseRecord {
        size_bytes: 8192,
        ..overwritten()
    };
    let file = file(sign(&new_key(), &statement(record)));
    assert_eq!(
        refusal(&written(&file), None),
        "it was signed and makes no sense: the sample at byte 8192 does not lie on the disk, which has 8192 bytes"
    );
}

#[test]
fn a_key_is_made_once_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEY_FILE);
    let made = SigningKey::open_or_make(folder.path()).unwrap().public();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"), "PKCS#8");
    let again = SigningKey::open_or_make(folder.path()).unwrap().public();
    assert_eq!(again, made);
    std::fs::write(&path, "nonsense").unwrap();
    let error = SigningKey::open_or_make(folder.path()).err().unwrap();
    assert!(format!("{error:#}").contains("erase.key holds no private key of Ed25519"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "nonsense");
}

/// OpenSSL has signed it, with the key of RFC 8410: what others do by the standards is found good.
#[test]
fn a_record_that_another_program_has_signed_is_good() {
    let file = include_bytes!("../../../tests/store/erase-record.json");
    let keys = include_bytes!("../../../tests/store/erase-record.pem");
    let keys = PublicKey::all_of_pem(keys).unwrap();
    let verified = verify(file, Some(&keys)).unwrap();
    assert_eq!(verified.key, keys[0]);
    assert_eq!(
        verified.key.fingerprint(),
        "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f"
    );
    let erasure = verified.statement.erasure;
    assert_eq!(erasure.serial.as_deref(), Some("S6XNNS0T300123"));
}

/// The key of RFC 8410, section 10.
#[test]
fn keys_are_read_as_others_write_them() {
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(KEY_FILE), PRIVATE).unwrap();
    let key = SigningKey::open_or_make(folder.path()).unwrap().public();
    assert_eq!(key.to_pem(), PUBLIC);
    let several = format!(
        "The first conductor:\n{PUBLIC}\n{}",
        new_key().public().to_pem()
    );
    let keys = PublicKey::all_of_pem(several.as_bytes()).unwrap();
    assert_eq!((keys.len(), keys[0]), (2, key));
    for none in ["", "nonsense", PRIVATE] {
        assert_eq!(PublicKey::all_of_pem(none.as_bytes()), None, "{none}");
    }
    let x25519 = PUBLIC.replace("MCowBQYDK2Vw", "MCowBQYDK2Vu");
    assert_eq!(PublicKey::all_of_pem(x25519.as_bytes()), None);
}
