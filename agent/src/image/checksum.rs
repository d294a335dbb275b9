//! Which digest an image must have: the rules by which `image_info` names it, and files of checksums.
//!
//! Like Ironic's agent, but upper-case digests are accepted and no file name becomes a regular expression.

use thiserror::Error;

use super::digest::Algorithm;
use ferric_agent_protocol::image::ImageInfo;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum ChecksumError {
    #[error(
        "image_info has neither os_hash_algo with os_hash_value nor checksum, and an image is never written unverified"
    )]
    Missing,
    #[error("os_hash_algo {0:?} is not known")]
    Algorithm(String),
    #[error("{0} is no longer safe to verify an image with; give a SHA-256 or SHA-512 checksum")]
    Md5(&'static str),
    #[error(
        "{0:?} is not a checksum: 32 (MD5), 64 (SHA-256) or 128 (SHA-512) hexadecimal digits are"
    )]
    Value(String),
    #[error("the checksum {value:?} does not have the {wanted} hexadecimal digits of {algorithm}")]
    Length {
        algorithm: String,
        wanted: usize,
        value: String,
    },
    #[error("the checksum file at {url} does not name {file:?}")]
    NotListed { url: String, file: String },
}

/// Whether MD5 is good enough; the operator's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Md5Policy {
    #[default]
    Refuse,
    Allow,
}

/// What `image_info` says, before a checksum file has been fetched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    Known(Expected),
    At {
        url: String,
        algorithm: Option<String>,
    },
}

/// The digest that the downloaded file must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) algorithm: Algorithm,
    pub(crate) digest: Vec<u8>,
}

impl Stated {
    pub(crate) fn of(info: &ImageInfo, md5: Md5Policy) -> Result<Self, ChecksumError> {
        let set = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        let hash = set(&info.os_hash_algo).zip(set(&info.os_hash_value));
        let (value, algorithm) = match (hash, set(&info.checksum)) {
            (Some((name, _)), Some(checksum)) if Algorithm::named(&name).is_none() => {
                (checksum, None)
            }
            (Some((name, value)), _) => (value, Some(name)),
            (None, checksum) => (checksum.ok_or(ChecksumError::Missing)?, None),
        };
        if value.starts_with("http://") || value.starts_with("https://") {
            return Ok(Self::At {
                url: value,
                algorithm,
            });
        }
        Expected::new(&value, algorithm.as_deref(), md5).map(Self::Known)
    }
}

impl Expected {
    fn new(value: &str, algorithm: Option<&str>, md5: Md5Policy) -> Result<Self, ChecksumError> {
        let value = value.trim();
        let known = match algorithm {
            Some(name) => {
                Algorithm::named(name).ok_or_else(|| ChecksumError::Algorithm(name.to_owned()))?
            }
            None => Algorithm::of_hex_length(value.len())
                .ok_or_else(|| ChecksumError::Value(value.to_owned()))?,
        };
        if known == Algorithm::Md5 && md5 == Md5Policy::Refuse {
            return Err(ChecksumError::Md5("MD5"));
        }
        let digest = from_hex(value).ok_or_else(|| ChecksumError::Value(value.to_owned()))?;
        if digest.len() != known.output_bytes() {
            return Err(ChecksumError::Length {
                algorithm: algorithm.unwrap_or_default().to_owned(),
                wanted: known.output_bytes() * 2,
                value: value.to_owned(),
            });
        }
        Ok(Self {
            algorithm: known,
            digest,
        })
    }

    /// Finds the image's checksum in a file of them. `shown_url` names that file in errors.
    pub(crate) fn from_file(
        text: &str,
        image_file: &str,
        algorithm: Option<&str>,
        md5: Md5Policy,
        shown_url: &str,
    ) -> Result<Self, ChecksumError> {
        let lines = || {
            text.lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
        };
        let listed = lines().find_map(|line| checksum_of(line, image_file));
        // A file with nothing but a checksum is about the one image it belongs to.
        let mut all = lines();
        let alone = match (all.next(), all.next()) {
            (Some(line), None) if !line.contains(char::is_whitespace) => Some(line),
            _ => None,
        };
        let not_listed = || ChecksumError::NotListed {
            url: shown_url.to_owned(),
            file: image_file.to_owned(),
        };
        Self::new(listed.or(alone).ok_or_else(not_listed)?, algorithm, md5)
    }
}

/// One line of a checksum file: `HASH  name`, `HASH *name` or `ALGORITHM (name) = HASH`.
fn checksum_of<'a>(line: &'a str, image_file: &str) -> Option<&'a str> {
    if let Some((name, hash)) = line.split_once(" = ") {
        let (_, name) = name.split_once(" (")?;
        return (name.strip_suffix(')')? == image_file).then_some(hash.trim());
    }
    let (hash, name) = line.split_once(char::is_whitespace)?;
    let name = name.trim_start();
    let name = name.strip_prefix('*').unwrap_or(name);
    let name = name.strip_prefix("./").unwrap_or(name);
    (name == image_file).then_some(hash)
}

/// The last part of a URL's path: the name that checksum files have.
pub(crate) fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").expect("a String takes every write");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SHA256: &str = "BA7816BF8F01CFEA414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

    fn check(info: &Value, expected: Result<&str, &str>) {
        let info: ImageInfo = serde_json::from_value(info.clone()).unwrap();
        let found = match Stated::of(&info, Md5Policy::Refuse) {
            Ok(Stated::Known(known)) => Ok(to_hex(&known.digest)),
            Ok(Stated::At { url, .. }) => Ok(url),
            Err(error) => Err(error.to_string()),
        };
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected.to_lowercase(), "{info:?}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn the_rules_of_image_info() {
        check(&json!({}), Err("never written unverified"));
        check(
            &json!({"os_hash_algo": "sha256", "os_hash_value": SHA256}),
            Ok(SHA256),
        );
        check(
            &json!({"os_hash_algo": "sha256", "os_hash_value": "http://h/sums"}),
            Ok("http://h/sums"),
        );
        check(
            &json!({"os_hash_algo": "sha256", "os_hash_value": null, "checksum": SHA256}),
            Ok(SHA256),
        );
        check(&json!({"checksum": SHA256}), Ok(SHA256));
        check(&json!({"checksum": MD5}), Err("MD5 is no longer safe"));
        check(
            &json!({"os_hash_algo": "md5", "os_hash_value": MD5}),
            Err("MD5 is no longer safe"),
        );
        check(
            &json!({"os_hash_algo": "crc32", "os_hash_value": "00"}),
            Err("\"crc32\" is not known"),
        );
        check(
            &json!({"os_hash_algo": "crc32", "os_hash_value": "00", "checksum": SHA256}),
            Ok(SHA256),
        );
        check(
            &json!({"os_hash_algo": "sha512", "os_hash_value": SHA256}),
            Err("128 hexadecimal digits of sha512"),
        );
        check(&json!({"checksum": "abc"}), Err("is not a checksum"));
        check(
            &json!({"checksum": "zz".repeat(32)}),
            Err("is not a checksum"),
        );
        check(
            &json!({"checksum": "é".repeat(32)}),
            Err("is not a checksum"),
        );
    }

    #[test]
    fn md5_may_be_allowed() {
        let info = ImageInfo {
            checksum: Some(MD5.to_owned()),
            ..ImageInfo::default()
        };
        let Stated::Known(expected) = Stated::of(&info, Md5Policy::Allow).unwrap() else {
            panic!("known")
        };
        assert_eq!(expected.algorithm, Algorithm::Md5);
    }

    fn listed(text: &str) -> Result<String, ChecksumError> {
        let found = Expected::from_file(
            text,
            "os.img",
            Some("sha256"),
            Md5Policy::Refuse,
            "http://h/sums",
        );
        found.map(|expected| to_hex(&expected.digest))
    }

    #[test]
    fn every_form_of_a_checksum_file() {
        let other = "0".repeat(64);
        for line in [
            format!("{SHA256}  os.img"),
            format!("{SHA256} *os.img"),
            format!("{SHA256}  ./os.img"),
            format!("SHA256 (os.img) = {SHA256}"),
        ] {
            let text = format!("# comment\n\n{other}  os.img.sig\r\n{line}\r\n{other}  xos.img\n");
            assert_eq!(listed(&text).unwrap(), SHA256.to_lowercase(), "{line}");
        }
        assert_eq!(
            listed(&format!("{SHA256}\n")).unwrap(),
            SHA256.to_lowercase()
        );
    }

    #[test]
    fn a_file_that_does_not_name_the_image_is_refused() {
        let error = listed(&format!("{SHA256}  osximg\n{SHA256}  other\n")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checksum file at http://h/sums does not name \"os.img\""
        );
        assert!(listed("").is_err());
        assert!(listed(&format!("{SHA256}\n{SHA256}\n")).is_err());
    }

    #[test]
    fn the_file_name_of_a_url() {
        assert_eq!(file_name("http://h/a/os.img?sig=/x#y"), "os.img");
        assert_eq!(file_name("http://h/"), "");
    }
}
