//! What can be said of a node's image within moments, before anybody asks for a deploy: whether it is there, how large it
//! is, what it takes on a disk, and whether its digest is known. Nothing is fetched but its first bytes, nothing is hashed.

use super::{Digest, digest, server};
use crate::boot::image_source::{self, ImageSource};
use crate::boot::{BootError, BootPlane};
use ferric_model::node::Node;
use serde::Serialize;

/// Of a file that a header of qcow2 has with its virtual size.
pub(super) const HEADER_BYTES: usize = 32;

/// An image as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePreview {
    /// Where it is, without what nobody may see.
    pub source: String,
    /// Bytes of the file.
    pub size_bytes: Option<u64>,
    /// `raw`, `qcow2`, or how it is compressed.
    pub format: Option<String>,
    /// Bytes that it takes on the disk.
    pub disk_bytes: Option<u64>,
    pub digest: DigestKnown,
}

/// Where the digest comes from that the machine verifies the image with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestKnown {
    Given,
    /// The machine reads a file with checksums.
    InFile,
    /// The conductor computes it when the deploy begins.
    Computed,
    Missing,
}

pub(in crate::boot) async fn preview(
    plane: &BootPlane,
    node: &Node,
) -> Result<ImagePreview, BootError> {
    let servers = plane.image_servers.as_ref();
    let (settings, files) = (&plane.settings, &plane.image_files);
    let text = |key: &str| {
        let value = node.instance_info.get(key);
        value.and_then(|value| value.as_str()).map(str::to_owned)
    };
    let source = text("image_source").ok_or_else(super::no_source)?;
    let (given, told) = (digest(&text), text("image_disk_format"));
    let shown = super::without_secrets(&source);
    match image_source::parse(&source, &settings.image_paths)? {
        ImageSource::Url(url) => {
            let authorization = text("image_request_authorization");
            let authorization = authorization.as_deref();
            // A digest that is missing is not what is looked for here.
            let any = given.clone().or(Some(Digest::Checksum(String::new())));
            let found =
                server::look(servers, url.clone(), authorization, any, told.clone()).await?;
            let beginning = server::beginning(servers, &url, authorization, HEADER_BYTES).await?;
            let seen = Seen::of(beginning.as_deref(), told, found.size_bytes);
            Ok(seen.preview(
                shown,
                found.size_bytes,
                known(given.as_ref(), DigestKnown::Missing),
            ))
        }
        ImageSource::File(path) => {
            let unreadable = |error: std::io::Error| BootError::Image {
                image: path.display().to_string(),
                problem: format!("it cannot be read ({error})"),
            };
            let (size, beginning) = files
                .beginning(&path, HEADER_BYTES)
                .await
                .map_err(unreadable)?;
            let seen = Seen::of(Some(&beginning), told, Some(size));
            Ok(seen.preview(
                shown,
                Some(size),
                known(given.as_ref(), DigestKnown::Computed),
            ))
        }
        ImageSource::Glance(id) => {
            let record = super::record(plane, node, id).await?;
            Ok(ImagePreview {
                source: record.shown(),
                size_bytes: record.size,
                format: record.format().map(str::to_owned),
                disk_bytes: record.disk_bytes(),
                digest: DigestKnown::Given,
            })
        }
    }
}

fn known(given: Option<&Digest>, otherwise: DigestKnown) -> DigestKnown {
    match given {
        Some(Digest::Checksum(text)) if text.contains("://") => DigestKnown::InFile,
        Some(_) => DigestKnown::Given,
        None => otherwise,
    }
}

/// What the first bytes tell.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    format: Option<String>,
    disk_bytes: Option<u64>,
}

impl Seen {
    fn of(beginning: Option<&[u8]>, told: Option<String>, size_bytes: Option<u64>) -> Self {
        let seen = |format: &str, disk_bytes| Self {
            format: Some(format.to_owned()),
            disk_bytes,
        };
        match beginning {
            Some([b'Q', b'F', b'I', 0xfb, rest @ ..]) => {
                let size = rest.get(20..28).and_then(|bytes| bytes.try_into().ok());
                seen("qcow2", size.map(u64::from_be_bytes))
            }
            Some([0x1f, 0x8b, ..]) => seen("raw, compressed by gzip", None),
            Some([0x28, 0xb5, 0x2f, 0xfd, ..]) => seen("raw, compressed by zstd", None),
            Some([0xfd, b'7', b'z', b'X', b'Z', ..]) => seen("raw, compressed by xz", None),
            Some([_, ..]) => seen("raw", size_bytes),
            Some([]) | None => Self {
                disk_bytes: size_bytes.filter(|_| told.as_deref() == Some("raw")),
                format: told,
            },
        }
    }

    fn preview(self, source: String, size_bytes: Option<u64>, digest: DigestKnown) -> ImagePreview {
        ImagePreview {
            source,
            size_bytes,
            format: self.format,
            disk_bytes: self.disk_bytes,
            digest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        beginning: Option<&[u8]>,
        told: Option<&str>,
        format: Option<&str>,
        disk: Option<u64>,
    ) {
        let seen = Seen::of(beginning, told.map(str::to_owned), Some(1000));
        assert_eq!((seen.format.as_deref(), seen.disk_bytes), (format, disk));
    }

    #[test]
    fn the_first_bytes_tell_what_an_image_takes_on_the_disk() {
        let mut qcow2 = b"QFI\xfb".to_vec();
        qcow2.extend([0; 20]);
        qcow2.extend((5_u64 << 30).to_be_bytes());
        check(Some(&qcow2), Some("raw"), Some("qcow2"), Some(5 << 30));
        check(Some(&qcow2[..8]), None, Some("qcow2"), None);
        check(
            Some(&[0x1f, 0x8b, 8]),
            None,
            Some("raw, compressed by gzip"),
            None,
        );
        check(Some(&[0xeb, 0x63]), None, Some("raw"), Some(1000));
        check(None, Some("raw"), Some("raw"), Some(1000));
        check(None, Some("qcow2"), Some("qcow2"), None);
        check(None, None, None, None);
    }
}
