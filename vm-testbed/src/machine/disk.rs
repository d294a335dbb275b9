//! The files behind a machine's disks. A disk that exists is kept: the lab can go down and come up again.

use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::config::{Disk, DiskFormat};
use crate::run::run;

/// The kernel has no room for a longer path of a socket.
const LONGEST_SOCKET: usize = 107;

/// Name of the file in the machine's directory.
pub(super) fn file_name(disk: &Disk, index: usize) -> String {
    format!("disk{index}.{}", disk.format().name())
}

pub(super) async fn create(disk: &Disk, index: usize, directory: &Path) -> anyhow::Result<()> {
    if let Some(socket) = &disk.nbd {
        return fits(socket);
    }
    let path = directory.join(file_name(disk, index));
    if path.exists() {
        return same_size(disk, &path);
    }
    match disk.format() {
        DiskFormat::Raw => create_raw(disk, &path),
        DiskFormat::Qcow2 => create_qcow2(disk, &path).await,
    }
    .with_context(|| format!("creating {}", path.display()))
}

/// The server may come later: only a start needs it.
fn fits(socket: &Path) -> anyhow::Result<()> {
    let length = socket.as_os_str().as_bytes().len();
    ensure!(
        length <= LONGEST_SOCKET,
        "the path of the NBD server's socket {} has {length} bytes, and a socket's can have {LONGEST_SOCKET}",
        socket.display()
    );
    Ok(())
}

/// The BMC tells the size that the lab's file says, so a disk that is kept must have it.
fn same_size(disk: &Disk, path: &Path) -> anyhow::Result<()> {
    if disk.format() != DiskFormat::Raw {
        return Ok(());
    }
    let kept = path.metadata()?.len();
    ensure!(
        kept == disk.size.0,
        "{} is kept from before and has {kept} bytes, but the lab's file says {}: remove the disk or correct the size",
        path.display(),
        disk.size.0
    );
    Ok(())
}

fn create_raw(disk: &Disk, path: &Path) -> anyhow::Result<()> {
    Ok(File::create_new(path)?.set_len(disk.size.0)?)
}

async fn create_qcow2(disk: &Disk, path: &Path) -> anyhow::Result<()> {
    let mut arguments = vec!["create".into(), "-q".into(), "-f".into(), "qcow2".into()];
    if let Some(backing) = &disk.backing {
        let format = disk.backing_format.unwrap_or(DiskFormat::Qcow2).name();
        arguments.extend(["-F".into(), format.into(), "-b".into(), backing.into()]);
    }
    arguments.extend([path.as_os_str().to_owned(), disk.size.0.to_string().into()]);
    run("qemu-img", arguments).await
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};

    use super::*;

    fn file_of(path: &Path) -> File {
        File::open(path).unwrap()
    }

    fn disk(text: &str) -> Disk {
        toml::from_str(text).unwrap()
    }

    #[tokio::test]
    async fn disks_are_sparse_and_survive() {
        let directory = tempfile::tempdir().unwrap();
        let disk = disk("bus = 'virtio'\nsize = '64GiB'");
        create(&disk, 0, directory.path()).await.unwrap();
        let path = directory.path().join("disk0.raw");
        let made = path.metadata().unwrap();
        assert_eq!((made.len(), made.blocks()), (64 << 30, 0));
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.write_at(b"kept", 0).unwrap();
        create(&disk, 0, directory.path()).await.unwrap();
        let mut kept = [0; 4];
        file_of(&path).read_at(&mut kept, 0).unwrap();
        assert_eq!(&kept, b"kept");
        file.set_len(1 << 30).unwrap();
        let error = create(&disk, 0, directory.path()).await.unwrap_err();
        assert!(format!("{error:#}").contains("1073741824"), "{error:#}");
    }

    #[tokio::test]
    async fn a_backing_file_is_seen_through() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("base.img");
        std::fs::write(&base, vec![7; 1 << 20]).unwrap();
        let text = format!(
            "bus = 'scsi'\nsize = '2MiB'\nbacking = '{}'\nbacking_format = 'raw'",
            base.display()
        );
        create(&disk(&text), 1, directory.path()).await.unwrap();
        let copy = directory.path().join("copy.img");
        let args = ["convert", "-O", "raw"].map(Into::into).into_iter();
        run(
            "qemu-img",
            args.chain([directory.path().join("disk1.qcow2"), copy.clone()]),
        )
        .await
        .unwrap();
        let bytes = std::fs::read(copy).unwrap();
        assert_eq!(
            (bytes.len(), bytes[1 << 19], bytes[3 << 19]),
            (2 << 20, 7, 0)
        );
    }

    #[tokio::test]
    async fn a_disk_of_a_server_has_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let of_server = |path: &str| {
            let text = format!("bus = 'nvme'\nsize = '2MiB'\nnbd = '{path}'");
            disk(&text)
        };
        create(&of_server("/nonexistent/a.sock"), 0, directory.path())
            .await
            .unwrap();
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        let long = format!("/{}", "d".repeat(LONGEST_SOCKET));
        let error = create(&of_server(&long), 0, directory.path())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("has 108 bytes"), "{error}");
    }

    #[tokio::test]
    async fn a_missing_backing_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let disk = disk("bus = 'virtio'\nsize = '2MiB'\nbacking = '/nonexistent/os.qcow2'");
        let error = create(&disk, 0, directory.path()).await.unwrap_err();
        assert!(
            format!("{error:#}").contains("/nonexistent/os.qcow2"),
            "{error:#}"
        );
    }
}
