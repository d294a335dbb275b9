//! The node's image: where a machine gets it, its digest, size and format, found out before anything is powered on.

use super::BootError;
use super::image_source::{self, ImageSource};
use crate::config::Settings;
use ferric_model::node::Node;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An image as it goes into the agent's `image_info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLocation {
    /// What the machine downloads.
    pub url: String,
    /// The digest of the file that is downloaded.
    pub digest: Digest,
    /// Bytes of that file, when known.
    pub size_bytes: Option<u64>,
    /// `raw`, `qcow2`, ...; `None`: the agent finds out.
    pub disk_format: Option<String>,
}

/// How the file is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Digest {
    /// `image_os_hash_algo` and `image_os_hash_value`.
    Hash { algorithm: String, value: String },
    /// `image_checksum`: hexadecimal, or the URL of a checksum file.
    Checksum(String),
}

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn locate(
    settings: &Settings,
    client: &reqwest::Client,
    node: &Node,
) -> Result<ImageLocation, BootError> {
    let text = |key: &str| {
        node.instance_info
            .get(key)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let source = text("image_source").ok_or_else(|| BootError::Image {
        image: "(none)".to_owned(),
        problem: "set instance_info.image_source to an http://, https:// or file:// URL".to_owned(),
    })?;
    let digest = digest(&text);
    let format = text("image_disk_format");
    match image_source::parse(&source, &settings.image_paths)? {
        ImageSource::Url(url) => of_url(client, url, digest, format).await,
        ImageSource::File(path) => of_file(settings, node, path, digest, format).await,
    }
}

fn digest(text: &dyn Fn(&str) -> Option<String>) -> Option<Digest> {
    if let (Some(algorithm), Some(value)) =
        (text("image_os_hash_algo"), text("image_os_hash_value"))
    {
        return Some(Digest::Hash { algorithm, value });
    }
    let checksum = text("image_checksum")?;
    match checksum.split_once(':') {
        Some((algorithm, value)) if !value.starts_with("//") => Some(Digest::Hash {
            algorithm: algorithm.to_owned(),
            value: value.to_owned(),
        }),
        _ => Some(Digest::Checksum(checksum)),
    }
}

/// A digest is mandatory here: nobody else vouches for what a web server sends.
async fn of_url(
    client: &reqwest::Client,
    url: String,
    digest: Option<Digest>,
    disk_format: Option<String>,
) -> Result<ImageLocation, BootError> {
    let refuse = |problem: String| BootError::Image {
        image: url.clone(),
        problem,
    };
    let digest = digest.ok_or_else(|| {
        refuse(
            "set instance_info.image_checksum, or image_os_hash_algo and image_os_hash_value"
                .to_owned(),
        )
    })?;
    let answer = client.head(&url).timeout(REQUEST_TIMEOUT).send().await;
    let answer = answer.map_err(|source| BootError::ImageRequest {
        image: url.clone(),
        source,
    })?;
    let status = answer.status();
    // Servers that know no HEAD say so; the agent will find out more.
    if !status.is_success() && status != reqwest::StatusCode::METHOD_NOT_ALLOWED {
        return Err(refuse(format!(
            "its server answers {status}: correct instance_info.image_source"
        )));
    }
    let length = answer.headers().get(reqwest::header::CONTENT_LENGTH);
    let size_bytes = length.and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(ImageLocation {
        url: url.clone(),
        digest,
        size_bytes,
        disk_format,
    })
}

async fn of_file(
    settings: &Settings,
    node: &Node,
    path: PathBuf,
    digest: Option<Digest>,
    disk_format: Option<String>,
) -> Result<ImageLocation, BootError> {
    let base = settings.provision_base().ok_or_else(|| {
        BootError::Setting(
            "no provisioning listener: start ferric with --provision-listen ADDRESS:PORT"
                .to_owned(),
        )
    })?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("image");
    let url = format!("{base}/images/{}/{name}", node.uuid);
    let facts = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || {
            FileFacts::read(&path, digest.is_none()).map(|facts| (facts, digest))
        })
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    };
    let (facts, digest) = facts.map_err(|error| BootError::Image {
        image: path.display().to_string(),
        problem: format!("it cannot be read ({error})"),
    })?;
    let computed = facts.sha256.map(|value| Digest::Hash {
        algorithm: "sha256".to_owned(),
        value,
    });
    Ok(ImageLocation {
        url,
        digest: digest.or(computed).expect("computed unless one was given"),
        size_bytes: Some(facts.size_bytes),
        disk_format: Some(disk_format.unwrap_or_else(|| facts.format.to_owned())),
    })
}

struct FileFacts {
    size_bytes: u64,
    format: &'static str,
    sha256: Option<String>,
}

enum Hashing {
    No,
    Sha256(aws_lc_rs::digest::Context),
}

impl FileFacts {
    /// Our own file needs no digest from the operator; it is computed, so that the machine can verify the transfer.
    fn read(path: &Path, with_digest: bool) -> std::io::Result<Self> {
        let mut file = std::fs::File::open(path)?;
        let mut hashing = match with_digest {
            true => Hashing::Sha256(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256)),
            false => Hashing::No,
        };
        let mut buffer = vec![0; 1 << 20];
        let mut format = "raw";
        let mut first = true;
        loop {
            let read = file.read(&mut buffer)?;
            if first && buffer[..read].starts_with(b"QFI\xfb") {
                format = "qcow2";
            }
            first = false;
            match &mut hashing {
                Hashing::Sha256(context) if read > 0 => context.update(&buffer[..read]),
                _ => break,
            }
        }
        let sha256 = match hashing {
            Hashing::Sha256(context) => Some(hex(context.finish().as_ref())),
            Hashing::No => None,
        };
        Ok(Self {
            size_bytes: file.metadata()?.len(),
            format,
            sha256,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn check(pairs: &[(&str, &str)], expected: &Option<Digest>) {
        let map: BTreeMap<_, _> = pairs.iter().copied().collect();
        assert_eq!(
            &digest(&|key| map.get(key).map(|value| (*value).to_owned())),
            expected
        );
    }

    #[test]
    fn digests() {
        let hash = |algorithm: &str, value: &str| {
            Some(Digest::Hash {
                algorithm: algorithm.to_owned(),
                value: value.to_owned(),
            })
        };
        check(
            &[
                ("image_os_hash_algo", "sha512"),
                ("image_os_hash_value", "ab"),
            ],
            &hash("sha512", "ab"),
        );
        check(&[("image_checksum", "sha256:ab")], &hash("sha256", "ab"));
        check(
            &[("image_checksum", "http://x/SUMS")],
            &Some(Digest::Checksum("http://x/SUMS".to_owned())),
        );
        check(
            &[("image_checksum", "abcd")],
            &Some(Digest::Checksum("abcd".to_owned())),
        );
        check(&[("image_os_hash_algo", "sha512")], &None);
    }

    #[test]
    fn facts_of_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"QFI\xfbabc").unwrap();
        let facts = FileFacts::read(file.path(), true).unwrap();
        assert_eq!((facts.size_bytes, facts.format), (7, "qcow2"));
        // Computed by sha256sum.
        let expected = "71699d4ac9e99c88938fbe7c1442005a005d832deca9bb3bc51346c58c1b0a2f";
        assert_eq!(facts.sha256.as_deref(), Some(expected));
        assert!(
            FileFacts::read(file.path(), false)
                .unwrap()
                .sha256
                .is_none()
        );
    }
}
