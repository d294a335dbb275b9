//! Why an image was not written, in the classes that Ironic's agent has for it. What becomes of that is not decided here.

use super::failure::{ErrorKind, Failure};
use crate::disk::DiskError;
use crate::image::ImageError;

/// In the class that Ironic's agent has for it.
pub(super) fn not_written(error: &ImageError) -> Failure {
    let kind = match error {
        ImageError::Digest { .. } => ErrorKind::ImageChecksum,
        ImageError::NoUrl
        | ImageError::Client(_)
        | ImageError::ChecksumFile(_)
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
