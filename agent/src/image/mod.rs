//! Writes a disk image from the network to a disk, in bounded memory and verified.
//!
//! A stack of small adapters, each in its own file: `source` (HTTP) -> `digest` -> `read_ahead` -> `decompress` ->
//! format (`raw`, `qcow2`) -> `target` (the disk, or one of the partitions that `partition` makes). Plain code on threads: it must not run on an async worker.

mod checksum;
mod client;
mod decompress;
mod digest;
mod download;
mod error;
mod finish;
mod format;
mod partition;
pub(crate) mod qcow2;
mod raw;
mod read_ahead;
mod source;
mod stop;
mod target;
mod write;
mod zeroes;

pub use checksum::{ChecksumError, Md5Policy};
pub use client::{ClientError, HttpSettings};
pub use download::DownloadError;
pub(crate) use download::download;
pub use error::ImageError;
pub use format::{FormatError, FormatPolicy};
pub use partition::{Ephemeral, NoRoom, PartitionError, PartitionSpec, SpecError};
pub use qcow2::Qcow2Error;
pub use source::{Patience, SourceError};
pub use stop::Stop;
pub use target::TargetError;
pub use write::{
    WriteImageRequest, WrittenImage, WrittenPartitions, write_image, write_partition_image,
};

#[cfg(test)]
pub(crate) use finish::finish;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
