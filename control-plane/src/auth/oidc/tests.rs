//! Tokens that a played issuer signs, and those that somebody else makes up. Foreign libraries' are in `tests/auth`.

use super::Oidc;
use crate::auth::played::Played;
use crate::auth::{Caller, Refusal};
use crate::config::auth::{KeySource, Oidc as Settings};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

struct Signer {
    id: &'static str,
    key: Key,
}

impl Signer {
    fn ed(id: &'static str) -> Self {
        let key = Key::Ed(Ed25519KeyPair::generate().unwrap());
        Self { id, key }
    }

    fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => "RS256",
            Key::Ec(_) => "ES256",
            Key::Ed(_) => "EdDSA",
        }
    }

    fn jwk(&self) -> Value {
        let mut jwk = match &self.key {
            Key::Rsa(pair) => {
                // RSAPublicKey of PKCS #1, with 2048 bits: two integers in a sequence.
                let der = pair.public_key().as_ref();
                let (n, e) = (&der[9..265], &der[267..]);
                json!({"kty": "RSA", "use": "sig", "n": encode(n), "e": encode(e)})
            }
            Key::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Key::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
        };
        jwk["kid"] = json!(self.id);
        jwk
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Key::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm(), "kid": self.id, "typ": "JWT"});
        let signed = signed(&header, claims);
        format!("{signed}.{}", encode(self.sign(signed.as_bytes())))
    }
}

fn signed(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    )
}

fn claims() -> Value {
    json!({"iss": "https://issuer", "aud": "ferric", "sub": "ann", "project_id": "p",
        "exp": Timestamp::now().as_second() + 600, "roles": ["member"]})
}

fn settings(keys: KeySource) -> Settings {
    let text = "issuer = 'https://issuer'\naudience = 'ferric'\njwks_file = 'x'";
    let mut settings = crate::config::auth::oidc_of(text);
    settings.keys = keys;
    settings
}

async fn caller(oidc: &Oidc, token: &str) -> Result<Caller, Refusal> {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
    oidc.caller(&headers).await
}

async fn takes(oidc: &Oidc, token: &str) -> bool {
    match caller(oidc, token).await {
        Ok(Caller::Known(identity)) => {
            assert_eq!(identity.user, "ann");
            true
        }
        Ok(Caller::Trusted { .. }) => panic!("whoever has a token has roles"),
        Err(Refusal::Unknown { challenge, .. }) => {
            assert!(challenge.contains("invalid_token"), "{challenge}");
            false
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn signers() -> [Signer; 3] {
    let rsa = Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    [
        Signer {
            id: "rsa",
            key: rsa,
        },
        Signer {
            id: "ec",
            key: Key::Ec(ec),
        },
        Signer::ed("ed"),
    ]
}

#[tokio::test]
async fn genuine_tokens_are_taken_and_no_others() {
    let signers = signers();
    let file = tempfile::NamedTempFile::new().unwrap();
    let keys: Vec<Value> = signers.iter().map(Signer::jwk).collect();
    std::fs::write(file.path(), json!({"keys": keys}).to_string()).unwrap();
    let path = file.path().to_owned();
    let oidc = Oidc::open(&settings(KeySource::File(path))).unwrap();
    for signer in &signers {
        let token = signer.token(&claims());
        assert!(takes(&oidc, &token).await, "{}", signer.id);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut changed = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        changed[5] ^= 1;
        assert!(!takes(&oidc, &format!("{signed}.{}", encode(changed))).await);
        assert!(!takes(&oidc, &format!("{signed}.")).await);
        let (header, _) = signed.split_once('.').unwrap();
        let more = encode(json!({"iss": "https://issuer", "roles": ["admin"]}).to_string());
        assert!(!takes(&oidc, &format!("{header}.{more}.{signature}")).await);
        let mut old = claims();
        old["exp"] = json!(Timestamp::now().as_second() - 100);
        assert!(!takes(&oidc, &signer.token(&old)).await);
    }
    let stranger = Signer::ed("ed");
    assert!(!takes(&oidc, &stranger.token(&claims())).await);
    let none = caller(&oidc, "").await;
    assert!(matches!(none, Err(Refusal::Unknown { .. })), "{none:?}");
}

#[tokio::test]
async fn keys_hold_for_as_long_as_they_stand_in_the_file() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let write = |keys: Value| std::fs::write(&path, json!({"keys": keys}).to_string()).unwrap();
    write(json!([old.jwk()]));
    let oidc = Oidc::open(&settings(KeySource::File(path.clone()))).unwrap();
    let (old_token, new_token) = (old.token(&claims()), new.token(&claims()));
    assert!(takes(&oidc, &old_token).await);
    write(json!([new.jwk()]));
    assert!(!takes(&oidc, &old_token).await && takes(&oidc, &new_token).await);
    std::fs::remove_file(&path).unwrap();
    assert!(!takes(&oidc, &new_token).await, "no file has no keys");
    write(json!([old.jwk(), new.jwk()]));
    assert!(takes(&oidc, &old_token).await && takes(&oidc, &new_token).await);
    std::fs::write(&path, "no keys").unwrap();
    assert!(!takes(&oidc, &old_token).await && !takes(&oidc, &new_token).await);
}

#[tokio::test]
async fn the_tricks_of_forgers() {
    let [rsa, ec, _] = signers();
    let file = tempfile::NamedTempFile::new().unwrap();
    let document =
        json!({"keys": [rsa.jwk(), ec.jwk(), {"kty": "oct", "k": encode("secret"), "kid": "oct"}]});
    std::fs::write(file.path(), document.to_string()).unwrap();
    let path = file.path().to_owned();
    let oidc = Oidc::open(&settings(KeySource::File(path))).unwrap();
    for alg in ["none", "None", "NONE", ""] {
        let signed = signed(&json!({"alg": alg, "kid": "rsa"}), &claims());
        assert!(!takes(&oidc, &format!("{signed}.")).await, "{alg}");
    }
    // A shared secret that is none: a public key, or one that an issuer has published.
    for secret in [rsa.jwk()["n"].as_str().unwrap(), "secret"] {
        for kid in ["rsa", "oct"] {
            let signed = signed(&json!({"alg": "HS256", "kid": kid}), &claims());
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            let tag = hmac::sign(&key, signed.as_bytes());
            assert!(!takes(&oidc, &format!("{signed}.{}", encode(tag.as_ref()))).await);
        }
    }
    // A key of another kind than the token says, and a header that must be understood.
    let wrong = signed(&json!({"alg": "RS256", "kid": "ec"}), &claims());
    let wrong = format!("{wrong}.{}", encode(ec.sign(wrong.as_bytes())));
    assert!(!takes(&oidc, &wrong).await);
    let crit = signed(
        &json!({"alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": false}),
        &claims(),
    );
    let crit = format!("{crit}.{}", encode(ec.sign(crit.as_bytes())));
    assert!(!takes(&oidc, &crit).await);
    // Its own key, in the header.
    let own = Signer::ed("own");
    let signed = signed(&json!({"alg": "EdDSA", "jwk": own.jwk()}), &claims());
    let forged = format!("{signed}.{}", encode(own.sign(signed.as_bytes())));
    assert!(!takes(&oidc, &forged).await);
    for nonsense in ["a", "a.b", "a.b.c", "..", "a.b.c.d", "é.é.é"] {
        let value = HeaderValue::from_bytes(format!("Bearer {nonsense}").as_bytes()).unwrap();
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        assert!(oidc.caller(&headers).await.is_err(), "{nonsense}");
    }
}

#[tokio::test]
async fn new_keys_of_the_issuer_are_found() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let shown = Arc::new(Mutex::new(json!({"keys": [old.jwk()]}).to_string()));
    let answers = Arc::clone(&shown);
    let asked = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&asked);
    let keys = get(move || {
        *counter.lock() += 1;
        std::future::ready(answers.lock().clone())
    });
    let issuer = Played::start(Router::new().route("/keys", keys)).await;
    let url = format!("{}/keys", issuer.url);
    let oidc = Oidc::open(&settings(KeySource::Url(url.clone()))).unwrap();
    for _ in 0..3 {
        assert!(takes(&oidc, &old.token(&claims())).await);
    }
    assert_eq!(*asked.lock(), 1, "the keys are kept");
    *shown.lock() = json!({"keys": [old.jwk(), new.jwk()]}).to_string();
    assert!(
        !takes(&oidc, &new.token(&claims())).await,
        "too early to ask again"
    );
    assert_eq!(*asked.lock(), 1);
    let fresh = Oidc::open(&settings(KeySource::Url(url))).unwrap();
    assert!(takes(&fresh, &new.token(&claims())).await);
    let nobody = Oidc::open(&settings(KeySource::Url(
        "http://127.0.0.1:1/keys".to_owned(),
    )))
    .unwrap();
    let away = caller(&nobody, &old.token(&claims())).await;
    assert!(matches!(away, Err(Refusal::Unavailable(_))), "{away:?}");
}
