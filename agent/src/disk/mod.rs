//! The machine's disks: which there are, and everything that changes one but the writing of an image.
//!
//! Every function that changes something asks the `Host` first. `ioctl` is the only place for what the kernel
//! offers beyond files; other programs are executed where that is the well-kept way.

mod block_device;
pub mod bootloader;
pub mod config_drive;
mod erase;
mod error;
pub(crate) mod identity;
mod inventory;
pub(crate) mod ioctl;
pub(crate) mod multipath;
pub(crate) mod open;
pub(crate) mod partitions;
pub(crate) mod passthrough;
pub mod raid;
pub(crate) mod region;
pub(crate) mod settle;
pub(crate) mod storage;
mod sync;
pub(crate) mod table;
#[cfg(test)]
pub(crate) mod testing;
mod uuids;

pub(crate) use erase::is_virtual_media;
pub(crate) use erase::{
    CHUNK_BYTES, Claimed, Drive, Pattern, check_shared, check_shared_on, claim, shared_file_systems,
};
pub use erase::{
    CommandError, Depth, EraseError, MethodError, PartlyErased, SharedFileSystem,
    SharedFileSystems, erase_device_metadata, erase_devices, erase_metadata, erase_pstore,
};
pub use error::DiskError;
pub use inventory::{
    DiskWait, erasable_disks, list_block_devices, root_device, wait_for_root_device,
};
pub use sync::sync_all;
pub use table::TableError;
pub(crate) use uuids::disk_id;
pub use uuids::partition_uuids;

#[cfg(test)]
mod tests;
