//! qcow2 straight from the network to a disk, in one pass over the file.
//!
//! `header` and `map` read the metadata first and refuse what Ferric does not read; `pass` then takes every cluster
//! as it comes by and puts it where the guest has it. Only the active layer is read: internal snapshots are skipped.

mod cluster;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod header;
mod map;
mod pass;
mod watch;
mod window;

pub use header::Qcow2Error;
pub(crate) use header::{Header, MAGIC, MAX_HEADER_BYTES};
pub(crate) use map::{Map, MapError, ReadAt};
pub(crate) use pass::{PassError, write_clusters, write_zeroes};

#[cfg(test)]
mod tests;
