//! The whole of writing an image, from `image_info` to a disk that boots.
//!
//! The order is what makes it safe: everything that can be refused is refused before the disk is touched; then the
//! partition table goes; the image comes; and only when its digest is right, the part that makes it bootable.

use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use ferric_agent_protocol::image::ImageInfo;
use ferric_agent_protocol::params::PartitionUuids;

use super::checksum::{Expected, Md5Policy, Stated, file_name};
use super::client::{HttpSettings, ImageClient};
use super::decompress::{Packing, unpack};
use super::digest::DigestReader;
use super::download::fetch;
use super::error::ImageError;
use super::finish::{finish, finish_partition};
use super::format::{FormatPolicy, Reading};
use super::partition::{self, PartitionSpec};
use super::qcow2::{self, Header, Map, Qcow2Error, ReadAt};
use super::raw;
use super::read_ahead::ReadAhead;
use super::source::{HttpSource, Patience, RangeReader, Remote, SourceError, shown_url};
use super::stop::Stop;
use super::target::Target;
use crate::disk::config_drive::ConfigDrive;
use crate::disk::{self, SharedFileSystems, check_shared};
use crate::host::{DevicePermit, Host};
use crate::progress::Progress;

/// Checksum files are a line per image; more than this is something else.
const MAX_CHECKSUM_FILE: u64 = 1 << 20;
/// How much of a qcow2 file is kept in memory in search of its tables when the server has no ranges.
const MAX_PREFIX_BYTES: u64 = 16 << 20;

/// What to write where.
#[derive(Clone)]
pub struct WriteImageRequest<'a> {
    pub image_info: &'a ImageInfo,
    pub device: &'a Path,
    /// Gets a partition of its own; it is on the disk before the disk can boot.
    pub config_drive: Option<&'a ConfigDrive>,
    pub http: &'a HttpSettings,
    pub md5: Md5Policy,
    pub formats: FormatPolicy,
    /// What becomes of a disk that other machines may be using.
    pub shared: SharedFileSystems,
    pub patience: Patience,
    /// Requesting it ends the write; the disk is then left without a partition table.
    pub stop: Stop,
}

impl WriteImageRequest<'_> {
    pub(crate) fn remote(&self, client: &ImageClient, url: &str, progress: &Progress) -> Remote {
        Remote {
            client: client.clone(),
            url: url.to_owned(),
            patience: self.patience,
            stop: self.stop.clone(),
            progress: progress.clone(),
        }
    }
}

/// What is on the disk now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenImage {
    pub device: PathBuf,
    /// Bytes of the disk that the image defines.
    pub image_bytes: u64,
    /// What Ironic calls the root UUID of a whole-disk image: the disk's id in its MBR, as `0x%08x`.
    pub root_uuid: String,
}

/// Downloads, verifies and writes a whole-disk image.
///
/// # Errors
/// Before the disk is touched, when the image or the disk is not fit; after that the disk has no partition table.
pub fn write_image(
    host: &Host,
    request: &WriteImageRequest<'_>,
    progress: &Progress,
) -> Result<WrittenImage, ImageError> {
    let permit = host.permits_device(request.device)?;
    stoppable(request, |request| {
        let write = Write {
            request,
            permit,
            progress,
        };
        write.run()
    })
}

/// What is in the partitions now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPartitions {
    /// Bytes of the root partition that the image defines.
    pub image_bytes: u64,
    pub uuids: PartitionUuids,
}

/// Makes the partitions that are wanted, and downloads, verifies and writes an image to the last of them.
///
/// # Errors
/// Before the disk is touched, when the image or the disk is not fit; after that the root partition has no file system.
pub fn write_partition_image(
    host: &Host,
    request: &WriteImageRequest<'_>,
    spec: &PartitionSpec,
    progress: &Progress,
) -> Result<WrittenPartitions, ImageError> {
    let permit = host.permits_device(request.device)?;
    stoppable(request, |request| {
        let write = Write {
            request,
            permit,
            progress,
        };
        write.run_partition(host, spec)
    })
}

fn stoppable<T>(
    request: &WriteImageRequest<'_>,
    work: impl FnOnce(&WriteImageRequest<'_>) -> Result<T, ImageError>,
) -> Result<T, ImageError> {
    let stop = request.stop.child();
    let result = work(&WriteImageRequest {
        stop: stop.clone(),
        ..request.clone()
    });
    if result.is_err() {
        // Ends the download thread, which may be waiting for its server.
        stop.request();
    }
    result
}

struct Write<'a> {
    request: &'a WriteImageRequest<'a>,
    permit: DevicePermit,
    progress: &'a Progress,
}

/// An image that is open at its first byte, and known to be of a kind that can be written.
struct Opened {
    stream: DigestReader<HttpSource>,
    ranges: Option<RangeReader>,
    file_bytes: Option<u64>,
    prefix: Vec<u8>,
    reading: Reading,
    expected: Expected,
}

impl Opened {
    /// How long the image is going to be, where that is known already.
    fn image_bytes(&self) -> Option<u64> {
        match self.reading {
            Reading::Raw(Packing::None) => self.file_bytes,
            Reading::Raw(_) => None,
            Reading::Qcow2 => Some(Header::parse(&self.prefix).ok()?.virtual_size),
        }
    }
}

type Stream = std::io::Chain<Cursor<Vec<u8>>, ReadAhead<DigestReader<HttpSource>>>;

impl Write<'_> {
    fn run(&self) -> Result<WrittenImage, ImageError> {
        self.progress.phase("connecting");
        let opened = self.open()?;
        let mut target = self.open_target(&self.permit)?;
        check_shared(target.disk(), self.request.shared)?;
        let image_bytes = self.write_opened(opened, &mut target)?;
        finish(
            &mut target,
            self.request.config_drive,
            &self.request.stop,
            self.progress,
        )?;
        Ok(WrittenImage {
            device: self.request.device.to_owned(),
            image_bytes,
            root_uuid: disk::disk_id(target.head()),
        })
    }

    fn run_partition(
        &self,
        host: &Host,
        spec: &PartitionSpec,
    ) -> Result<WrittenPartitions, ImageError> {
        self.progress.phase("connecting");
        let opened = self.open()?;
        if let Some(image_bytes) = opened.image_bytes() {
            spec.check_fits(image_bytes)?;
        }
        self.progress.phase("partitions");
        let made = partition::make(
            &self.permit,
            spec,
            self.request.config_drive,
            self.request.shared,
        )?;
        let mut target = self.open_target(&host.permits_device(made.root())?)?;
        let image_bytes = self.write_opened(opened, &mut target)?;
        finish_partition(&mut target, &self.request.stop, self.progress)?;
        drop(target);
        Ok(WrittenPartitions {
            image_bytes,
            uuids: partition::uuids(&made)?,
        })
    }

    fn write_opened(&self, opened: Opened, target: &mut Target) -> Result<u64, ImageError> {
        match opened.reading {
            Reading::Raw(packing) => self.write_raw(opened, packing, target),
            Reading::Qcow2 => self.write_qcow2(opened, target),
        }
    }

    fn open_target(&self, permit: &DevicePermit) -> Result<Target, ImageError> {
        let target = Target::open(permit, self.progress.clone(), self.request.stop.clone());
        target.map_err(ImageError::from_target)
    }

    /// Tries the URLs in their order; the first that answers is the image.
    fn open(&self) -> Result<Opened, ImageError> {
        let info = self.request.image_info;
        let stated = Stated::of(info, self.request.md5)?;
        let client = ImageClient::new(self.request.http, info)?;
        let mut failure = ImageError::NoUrl;
        for url in &info.urls {
            match HttpSource::open(self.request.remote(&client, url, self.progress)) {
                Ok(source) => return self.identify(source, stated, &client, url),
                Err(SourceError::Stopped) => return Err(ImageError::Cancelled),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    fn identify(
        &self,
        source: HttpSource,
        stated: Stated,
        client: &ImageClient,
        url: &str,
    ) -> Result<Opened, ImageError> {
        let expected = self.expected(stated, client, url)?;
        let (ranges, file_bytes) = (source.ranges(), source.length());
        let mut stream = DigestReader::new(source, expected.algorithm);
        let mut prefix = Vec::new();
        stream
            .by_ref()
            .take(qcow2::MAX_HEADER_BYTES)
            .read_to_end(&mut prefix)
            .map_err(ImageError::reading)?;
        let declared = self.request.image_info.declared_format();
        let reading = self.request.formats.recognise(&prefix, declared)?;
        Ok(Opened {
            stream,
            ranges,
            file_bytes,
            prefix,
            reading,
            expected,
        })
    }

    fn expected(
        &self,
        stated: Stated,
        client: &ImageClient,
        image_url: &str,
    ) -> Result<Expected, ImageError> {
        let (url, algorithm) = match stated {
            Stated::Known(expected) => return Ok(expected),
            Stated::At { url, algorithm } => (url, algorithm),
        };
        let remote = self.request.remote(client, &url, &Progress::default());
        let text = fetch(remote, MAX_CHECKSUM_FILE).map_err(ImageError::ChecksumFile)?;
        let text = String::from_utf8_lossy(&text);
        let image_file = file_name(image_url);
        Ok(Expected::from_file(
            &text,
            &image_file,
            algorithm.as_deref(),
            self.request.md5,
            &shown_url(&url),
        )?)
    }

    fn write_raw(
        &self,
        opened: Opened,
        packing: Packing,
        target: &mut Target,
    ) -> Result<u64, ImageError> {
        if packing == Packing::None
            && let Some(bytes) = opened.file_bytes
        {
            target.check_fits(bytes)?;
            self.progress.total(bytes);
        }
        let expected = opened.expected;
        let mut stream = start(opened.stream, opened.prefix)?;
        self.clear(target)?;
        let mut buffered = BufReader::with_capacity(256 << 10, &mut stream);
        let unpacked = unpack(&mut buffered, packing).map_err(ImageError::Unpack)?;
        let image_bytes = raw::write_stream(unpacked, target)?;
        // A decompressor may stop before the end of the file; the digest is that of all of it.
        std::io::copy(&mut buffered, &mut std::io::sink()).map_err(ImageError::reading)?;
        verify(stream, &expected)?;
        self.progress.total(image_bytes);
        Ok(image_bytes)
    }

    fn write_qcow2(&self, mut opened: Opened, target: &mut Target) -> Result<u64, ImageError> {
        self.progress.phase("reading metadata");
        let header = Header::parse(&opened.prefix).map_err(ImageError::Qcow2)?;
        target.check_fits(header.virtual_size)?;
        self.progress.total(header.virtual_size);
        let header_bytes = opened.prefix.clone();
        let map = match opened.ranges.clone() {
            Some(mut ranges) => Map::read(&header, &header_bytes, opened.file_bytes, &mut ranges)?,
            None => Map::read(
                &header,
                &header_bytes,
                opened.file_bytes,
                &mut Beginning(&mut opened),
            )?,
        };
        let expected = opened.expected;
        let stream = start(opened.stream, opened.prefix)?;
        self.clear(target)?;
        let stream = qcow2::write_clusters(&header, &map.pieces, map.watches, stream, target)?;
        verify(stream, &expected)?;
        self.progress.phase("zeroing");
        qcow2::write_zeroes(&header, &map.zeros, target).map_err(ImageError::from_target)?;
        Ok(header.virtual_size)
    }

    /// From here on the disk does not boot until the image is whole.
    fn clear(&self, target: &Target) -> Result<(), ImageError> {
        self.progress.phase("writing");
        target.clear().map_err(ImageError::from_target)
    }
}

/// Puts what was looked at already before the rest of the stream, which from now on is read ahead.
fn start(stream: DigestReader<HttpSource>, prefix: Vec<u8>) -> Result<Stream, ImageError> {
    let ahead = ReadAhead::new(stream).map_err(ImageError::Unpack)?;
    Ok(Cursor::new(prefix).chain(ahead))
}

fn verify(stream: Stream, expected: &Expected) -> Result<(), ImageError> {
    let (_, ahead) = stream.into_inner();
    let found = ahead.finish().map_err(ImageError::Unpack)?.finish();
    if found == expected.digest {
        Ok(())
    } else {
        Err(ImageError::digest(&expected.digest, &found))
    }
}

impl ReadAt for RangeReader {
    fn read_exact_at(&mut self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        Ok(RangeReader::read_exact_at(self, offset, buffer)?)
    }
}

/// Without ranges the tables are looked for in the beginning of the stream, which is kept until then.
struct Beginning<'a>(&'a mut Opened);

impl ReadAt for Beginning<'_> {
    fn read_exact_at(&mut self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let end = offset.saturating_add(buffer.len() as u64);
        if end > MAX_PREFIX_BYTES {
            return Err(std::io::Error::other(Qcow2Error::TablesTooFar));
        }
        let end = usize::try_from(end).map_err(std::io::Error::other)?;
        let missing = end.saturating_sub(self.0.prefix.len()) as u64;
        self.0
            .stream
            .by_ref()
            .take(missing)
            .read_to_end(&mut self.0.prefix)?;
        let from = end - buffer.len();
        let found = self
            .0
            .prefix
            .get(from..end)
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}
