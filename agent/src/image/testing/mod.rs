//! What the tests of image writing share: an HTTP server that can misbehave, and disks in files.

mod answer;
mod server;

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use ferric_agent_protocol::image::ImageInfo;

use super::ImageError;
use super::checksum::{Md5Policy, to_hex};
use super::client::HttpSettings;
use super::format::FormatPolicy;
use super::source::Patience;
use super::stop::Stop;
use super::target::Target;
use super::write::{WriteImageRequest, WrittenImage, write_image};
use super::zeroes::is_zero;
use crate::disk::SharedFileSystems;
use crate::host::Host;
use crate::progress::Progress;

pub(crate) use server::{Plan, Server};

pub(crate) fn settings() -> HttpSettings {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    HttpSettings {
        tls,
        timeout: Duration::from_secs(5),
        basic_auth: None,
    }
}

/// Quick, so that a test of giving up is one too.
pub(crate) fn patience() -> Patience {
    Patience {
        give_up_after: Duration::from_secs(5),
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(100),
        retries: None,
        most: None,
    }
}

/// A disk in a file, full of what an earlier user left.
pub(crate) struct FileDisk {
    pub(crate) file: tempfile::NamedTempFile,
    pub(crate) host: Host,
}

impl FileDisk {
    pub(crate) fn new(bytes: u64) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let garbage = garbage(usize::try_from(bytes).unwrap());
        file.as_file().write_all_at(&garbage, 0).unwrap();
        let host = Host::detect(&[file.path().to_owned()]).unwrap();
        Self { file, host }
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    /// Neither end holds anything that could be taken for a partition table.
    pub(crate) fn assert_has_no_table(&self) {
        let bytes = self.bytes();
        assert!(is_zero(&bytes[..1 << 20]), "the first MiB is not empty");
        assert!(
            is_zero(&bytes[bytes.len() - (1 << 20)..]),
            "the last MiB is not empty"
        );
    }

    pub(crate) fn write(&self, info: &ImageInfo) -> Result<WrittenImage, ImageError> {
        self.write_with(info, &Progress::default(), Stop::default())
    }

    pub(crate) fn write_with(
        &self,
        info: &ImageInfo,
        progress: &Progress,
        stop: Stop,
    ) -> Result<WrittenImage, ImageError> {
        let request = WriteImageRequest {
            image_info: info,
            device: self.path(),
            config_drive: None,
            http: &settings(),
            md5: Md5Policy::Refuse,
            formats: FormatPolicy::default(),
            shared: SharedFileSystems::Protect,
            patience: patience(),
            stop,
        };
        write_image(&self.host, &request, progress)
    }
}

/// A disk as the writing of an image leaves it before its end: what it has at its edges is held back.
pub(crate) fn held(host: &Host, device: &Path) -> Target {
    let permit = host.permits_device(device).unwrap();
    let mut target = Target::open(&permit, Progress::default(), Stop::default()).unwrap();
    let file = std::fs::File::open(device).unwrap();
    let mut edge = vec![0; 1 << 20];
    for offset in [0, target.disk().size - (1 << 20)] {
        file.read_exact_at(&mut edge, offset).unwrap();
        target.write(offset, &edge).unwrap();
    }
    target
}

/// Bytes without a pattern that a bug could hide in: the same at every run. The length of what is repeated has no
/// common factor with any block size.
pub(crate) fn garbage(length: usize) -> Vec<u8> {
    static POOL: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let words = std::iter::from_fn(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some(state.to_le_bytes())
        });
        words.flatten().take((3 << 20) + 11).collect()
    });
    let mut bytes = Vec::with_capacity(length + POOL.len());
    while bytes.len() < length {
        bytes.extend_from_slice(&POOL);
    }
    bytes.truncate(length);
    bytes
}

/// A disk image with one partition, some data and long runs of zeroes.
pub(crate) fn bootable_image(mib: usize) -> Vec<u8> {
    let mut image = vec![0; mib << 20];
    let data = garbage(3 << 20);
    image[1 << 20..4 << 20].copy_from_slice(&data);
    let middle = (mib << 20) / 2 + 12345;
    image[middle..middle + 100_000].copy_from_slice(&data[..100_000]);
    let end = image.len();
    image[end - 600_000..end - 100_000].copy_from_slice(&data[..500_000]);
    // An MBR with the id 0x1234abcd and one Linux partition.
    image[440..444].copy_from_slice(&0x1234_abcd_u32.to_le_bytes());
    image[446..462].copy_from_slice(&[0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    image
}

/// `image_info` for a file on the server, with its true SHA-256.
pub(crate) fn image_info(server: &Server, name: &str, file: &[u8], format: &str) -> ImageInfo {
    ImageInfo {
        id: name.to_owned(),
        urls: vec![server.url(name)],
        disk_format: Some(format.to_owned()),
        os_hash_algo: Some("sha256".to_owned()),
        os_hash_value: Some(to_hex(digest(&SHA256, file).as_ref())),
        ..ImageInfo::default()
    }
}
