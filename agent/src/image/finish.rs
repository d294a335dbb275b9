//! The last part of a write: from an image whose digest was right to a disk that boots.
//!
//! Everything that the disk needs is on it, or in the edges that the target holds, before the one write that makes it
//! boot: the second copy of a GPT, the config drive and its partition. Whatever fails leaves no partition table.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::error::ImageError;
use super::stop::Stop;
use super::target::Target;
use crate::disk::config_drive::{self, ConfigDrive};
use crate::disk::partitions::rescan;
use crate::disk::storage::Storage;
use crate::disk::table::{Table, TableError};
use crate::progress::Progress;

/// Makes the disk bootable, with the config drive on it.
pub(crate) fn finish(
    target: &mut Target,
    drive: Option<&ConfigDrive>,
    stop: &Stop,
    progress: &Progress,
) -> Result<(), ImageError> {
    let work = |target: &mut Target| complete(target, drive, stop, progress);
    or_clear(target, work, clear)
}

/// The same for the partition of a partition image, whose table is on the disk already: what marks its file system
/// comes last.
pub(super) fn finish_partition(
    target: &mut Target,
    stop: &Stop,
    progress: &Progress,
) -> Result<(), ImageError> {
    let work = |target: &mut Target| {
        if stop.is_requested() {
            return Err(ImageError::Cancelled);
        }
        progress.phase("verifying");
        target.commit().map_err(ImageError::from_target)?;
        progress.phase("done");
        Ok(())
    };
    or_clear(target, work, clear)
}

fn clear(target: &mut Target) {
    if let Err(error) = target.clear() {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "clearing a disk that failed"
        );
    }
}

/// Clears after an error as after a panic, which then goes on.
fn or_clear<S, T, E>(
    subject: &mut S,
    work: impl FnOnce(&mut S) -> Result<T, E>,
    clear: impl FnOnce(&mut S),
) -> Result<T, E> {
    let outcome = catch_unwind(AssertUnwindSafe(|| work(subject)));
    if !matches!(outcome, Ok(Ok(_))) {
        clear(subject);
    }
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

fn complete(
    target: &mut Target,
    drive: Option<&ConfigDrive>,
    stop: &Stop,
    progress: &Progress,
) -> Result<(), ImageError> {
    let mut table = bootable_table(target).map_err(ImageError::Table)?;
    let mut drive_number = None;
    if let Some(drive) = drive {
        progress.phase("config drive");
        target.flush().map_err(ImageError::from_target)?;
        let shape = target.disk().shape();
        drive_number = Some(config_drive::place(target, &shape, &mut table, drive)?.number);
    }
    hold_table(target, &table)?;
    if stop.is_requested() {
        return Err(ImageError::Cancelled);
    }
    progress.phase("verifying");
    target.commit().map_err(ImageError::from_target)?;
    progress.phase("partitions");
    if let Err(error) = rescan(target.disk()) {
        // The disk is right, and whoever needs a partition's node waits for it.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "showing the kernel the new partitions"
        );
    }
    if let Some(number) = drive_number {
        config_drive::wait_for_node(target.disk(), number)?;
    }
    progress.phase("done");
    Ok(())
}

/// The table that is about to be written must have partitions. A GPT was made for a smaller disk: it is made to span
/// this one, with its second copy at the end.
fn bootable_table(target: &Target) -> Result<Table, TableError> {
    let disk = target.disk();
    let mut table = Table::parse(target.head(), disk.sector_bytes)?;
    table.partitions()?;
    if let Table::Gpt(gpt) = &mut table {
        gpt.span(disk.shape().sectors())?;
    }
    Ok(table)
}

/// Both copies of a GPT lie in the edges, and an MBR is the first sector: nothing of the table is on the disk yet.
fn hold_table(target: &mut Target, table: &Table) -> Result<(), ImageError> {
    for change in table.changes() {
        let written = target.write_all_at(&change.bytes, change.offset);
        written.map_err(|error| target.write_error(change.offset, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_cleared_after_an_error_and_after_a_panic() {
        let mut cleared = 0;
        let clear = |count: &mut i32| *count += 1;
        assert_eq!(or_clear(&mut cleared, |_| Ok::<_, ()>(1), clear), Ok(1));
        assert_eq!(cleared, 0);
        assert_eq!(or_clear(&mut cleared, |_| Err::<(), _>(2), clear), Err(2));
        assert_eq!(cleared, 1);
        let panics = || {
            let work = |_: &mut i32| -> Result<(), ()> { panic!("as wanted") };
            or_clear(&mut cleared, work, clear)
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert_eq!(cleared, 2);
    }
}
