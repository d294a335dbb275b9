//! Why an image was not written, in the classes that Ironic's agent has for it. What becomes of that is not decided here.

use super::failure::{ErrorKind, Failure};
use crate::disk::DiskError;
use crate::image::{ChecksumError, ImageError, PartitionError, SourceError};

/// In the class that Ironic's agent has for it.
pub(super) fn not_written(error: &ImageError) -> Failure {
    let kind = match error {
        ImageError::Digest { .. } => ErrorKind::ImageChecksum,
        ImageError::Download(SourceError::TooSlow { .. }) => ErrorKind::ImageDownloadTimeout,
        ImageError::Partition(PartitionError::TooLarge { .. }) => ErrorKind::InvalidParams,
        ImageError::NoUrl
        | ImageError::Client(_)
        | ImageError::ChecksumFile(_)
        | ImageError::Checksum(ChecksumError::NotListed { .. })
        | ImageError::Download(_) => ErrorKind::ImageDownload,
        ImageError::Format(_) | ImageError::Qcow2(_) | ImageError::Table(_) => {
            ErrorKind::InvalidImage
        }
        _ => ErrorKind::ImageWrite,
    };
    Failure::caused_by(kind, error)
}

/// There is no disk for the operating system, or something else is wrong.
pub(super) fn not_chosen(error: &DiskError, otherwise: ErrorKind) -> Failure {
    let kind = match error {
        DiskError::RootDevice(_) => ErrorKind::DeviceNotFound,
        _ => otherwise,
    };
    Failure::caused_by(kind, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: &ImageError) -> (String, u16) {
        let error = not_written(error).to_error();
        (error.kind, error.code)
    }

    #[test]
    fn each_cause_has_the_class_and_the_code_of_ironics_agent() {
        let url = || "http://192.0.2.1/os".to_owned();
        let slow = SourceError::TooSlow {
            url: url(),
            position: 7,
            seconds: 60,
        };
        let missing = ChecksumError::NotListed {
            url: url(),
            file: "os".to_owned(),
        };
        let large = PartitionError::TooLarge {
            image_bytes: 2 << 30,
            partition_mib: 1024,
        };
        for (error, kind, code) in [
            (ImageError::Download(slow), "ImageDownloadTimeoutError", 408),
            (
                ImageError::Download(SourceError::Empty { url: url() }),
                "ImageDownloadError",
                500,
            ),
            (ImageError::Checksum(missing), "ImageDownloadError", 500),
            (ImageError::NoUrl, "ImageDownloadError", 500),
            (
                ImageError::Checksum(ChecksumError::Missing),
                "ImageWriteError",
                500,
            ),
            (
                ImageError::Partition(large),
                "InvalidCommandParamsError",
                400,
            ),
            (ImageError::digest(&[1], &[2]), "ImageChecksumError", 500),
            (ImageError::Cancelled, "ImageWriteError", 500),
        ] {
            assert_eq!(told(&error), (kind.to_owned(), code), "{error}");
        }
    }
}
