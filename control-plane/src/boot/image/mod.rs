//! The node's image: where a machine gets it, its digest, size and format, found out before anything is powered on.

use super::glance::{GlanceError, ImageRecord};
use super::image_source::{self, ImageSource};
use super::{BootError, BootPlane};
use crate::config::Settings;
use ferric_model::node::Node;
use std::path::PathBuf;
use uuid::Uuid;

mod files;
mod preview;
mod server;

pub(super) use files::Files;
pub(super) use preview::preview;
pub use preview::{DigestKnown, ImagePreview};
pub(super) use server::refuses_head;
pub(crate) use server::without_secrets;
pub use server::{ImageHead, ImageServers};

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

pub(super) async fn locate(plane: &BootPlane, node: &Node) -> Result<ImageLocation, BootError> {
    let servers = plane.image_servers.as_ref();
    let (settings, files) = (&plane.settings, &plane.image_files);
    let text = |key: &str| {
        node.instance_info
            .get(key)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let source = text("image_source").ok_or_else(no_source)?;
    let digest = digest(&text);
    let format = text("image_disk_format");
    match image_source::parse(&source, &settings.image_paths)? {
        ImageSource::Url(url) => {
            let authorization = text("image_request_authorization");
            server::look(servers, url, authorization.as_deref(), digest, format).await
        }
        ImageSource::File(path) => {
            let given = Given { digest, format };
            of_file(settings, files, node, path, given).await
        }
        ImageSource::Glance(id) => Ok(of_glance(plane, node, id).await?),
    }
}

/// The image as Glance describes it, if the node can be deployed with it.
pub(super) async fn record(
    plane: &BootPlane,
    node: &Node,
    id: Uuid,
) -> Result<ImageRecord, GlanceError> {
    let record = plane.glance(id)?.image(id).await?;
    let unusable = |problem| GlanceError::Unusable { id, problem };
    record.check(node).map_err(unusable)?;
    Ok(record)
}

/// What Glance says of an image holds, whatever the node says.
async fn of_glance(plane: &BootPlane, node: &Node, id: Uuid) -> Result<ImageLocation, BootError> {
    let record = record(plane, node, id).await?;
    let missing = |what: &str| GlanceError::Unusable {
        id,
        problem: format!("its record has no {what}"),
    };
    let url = match plane.glance(id)?.direct_url(id).await? {
        Some(url) => url,
        None => format!("{}/images/{}/{id}", base(&plane.settings)?, node.uuid),
    };
    Ok(ImageLocation {
        url,
        digest: record.digest().ok_or_else(|| missing("checksum"))?,
        size_bytes: record.size,
        disk_format: record.format().map(str::to_owned),
    })
}

fn base(settings: &Settings) -> Result<&str, BootError> {
    settings.provision_base().ok_or_else(|| {
        BootError::Setting(
            "no provisioning listener: start ferric with --provision-listen ADDRESS:PORT"
                .to_owned(),
        )
    })
}

fn no_source() -> BootError {
    BootError::Image {
        image: "(none)".to_owned(),
        problem: "set instance_info.image_source to an http://, https:// or file:// URL, or to the UUID of a Glance \
                  image"
            .to_owned(),
    }
}

fn digest(text: &dyn Fn(&str) -> Option<String>) -> Option<Digest> {
    if let (Some(algorithm), Some(value)) =
        (text("image_os_hash_algo"), text("image_os_hash_value"))
    {
        return Some(Digest::Hash {
            algorithm,
            value: comparable(&value),
        });
    }
    let checksum = text("image_checksum")?;
    match checksum.split_once(':') {
        Some((algorithm, value)) if !value.starts_with("//") => Some(Digest::Hash {
            algorithm: algorithm.to_owned(),
            value: comparable(value),
        }),
        _ => Some(Digest::Checksum(comparable(&checksum))),
    }
}

/// Ironic's agent compares digests letter by letter with its own, which are in lower case.
fn comparable(value: &str) -> String {
    if value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        value.to_ascii_lowercase()
    } else {
        value.to_owned()
    }
}

/// What the operator said of the image.
struct Given {
    digest: Option<Digest>,
    format: Option<String>,
}

/// Our own file needs no digest from the operator; it is computed, so that the machine can verify the transfer.
async fn of_file(
    settings: &Settings,
    files: &Files,
    node: &Node,
    path: PathBuf,
    given: Given,
) -> Result<ImageLocation, BootError> {
    let base = base(settings)?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("image");
    let url = format!("{base}/images/{}/{name}", node.uuid);
    let unreadable = |error: std::io::Error| BootError::Image {
        image: path.display().to_string(),
        problem: format!("it cannot be read ({error})"),
    };
    let facts = files.facts(&path).await.map_err(unreadable)?;
    let digest = match given.digest {
        Some(digest) => digest,
        None => Digest::Hash {
            algorithm: "sha256".to_owned(),
            value: files.sha256(&path).await.map_err(unreadable)?,
        },
    };
    Ok(ImageLocation {
        url,
        digest,
        size_bytes: Some(facts.size_bytes),
        disk_format: Some(given.format.unwrap_or_else(|| facts.format.to_owned())),
    })
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
                ("image_os_hash_value", "AB"),
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
}
