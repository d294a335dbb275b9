//! The files behind a machine's disks. A disk that exists is kept: the lab can go down and come up again.

use std::fs::File;
use std::path::Path;

use anyhow::Context as _;

use crate::config::{Disk, DiskFormat};
use crate::run::run;

/// Name of the file in the machine's directory.
pub(super) fn file_name(disk: &Disk, index: usize) -> String {
    format!("disk{index}.{}", disk.format().name())
}

pub(super) async fn create(disk: &Disk, index: usize, directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(file_name(disk, index));
    if path.exists() {
        return Ok(());
    }
    match disk.format() {
        DiskFormat::Raw => create_raw(disk, &path),
        DiskFormat::Qcow2 => create_qcow2(disk, &path).await,
    }
    .with_context(|| format!("creating {}", path.display()))
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
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

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
        std::fs::write(&path, "kept").unwrap();
        create(&disk, 0, directory.path()).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
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
