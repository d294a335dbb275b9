//! A disk of the test's own.

use std::path::PathBuf;

use ferric_agent::run::run;

/// A loop device over a file.
pub(crate) struct Loop {
    file: tempfile::NamedTempFile,
    pub(crate) device: PathBuf,
    /// The kernel takes the device away with its last user, also when the test is killed.
    _open: std::fs::File,
}

const DISK_BYTES: usize = 8 << 20;

impl Loop {
    /// A small one that is full of a pattern.
    pub(crate) fn new() -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), Self::pattern()).unwrap();
        Self::over(file, &[])
    }

    /// An empty one, of which the kernel shows the partitions.
    pub(crate) fn empty(bytes: u64) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(bytes).unwrap();
        Self::over(file, &["--partscan"])
    }

    fn over(file: tempfile::NamedTempFile, options: &[&str]) -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "this test makes a loop device and must be run as root"
        );
        let arguments = ["--find", "--show", file.path().to_str().unwrap()];
        let output = run("losetup", &[options, &arguments].concat()).unwrap();
        let device = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
        assert!(device.to_string_lossy().starts_with("/dev/loop"));
        let open = std::fs::File::open(&device).unwrap();
        run("losetup", &["--detach", device.to_str().unwrap()]).unwrap();
        Self {
            file,
            device,
            _open: open,
        }
    }

    pub(crate) fn pattern() -> Vec<u8> {
        (0..DISK_BYTES)
            .map(|index| u8::try_from(index % 251).unwrap())
            .collect()
    }

    pub(crate) fn name(&self) -> &str {
        self.device.to_str().unwrap()
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        nix::unistd::sync();
        std::fs::read(self.file.path()).unwrap()
    }
}
