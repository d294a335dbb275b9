//! The state directory of a lab: who may use it, and where in it things are.
//!
//! Under /run is memory, and a disk that fills it stops its machine. So in the default place `machines` is a link to a directory on a
//! disk, by which the other commands find it whatever their environment says.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::geteuid;

const CONTROL: &str = "control.sock";
const MACHINES: &str = "machines";

#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
    /// Where the machines are, if that is not here.
    machines: Option<PathBuf>,
}

/// The right to run a lab here; given back when dropped or when the process dies.
pub struct Claim {
    directory: StateDir,
    _lock: Flock<File>,
}

/// An open directory through which a socket in it can be named: the path of a socket has at most 107 bytes.
pub struct SocketPath {
    pub path: PathBuf,
    _directory: File,
}

impl StateDir {
    pub fn new(path: &Path) -> anyhow::Result<StateDir> {
        Ok(StateDir {
            path: absolute(path)?,
            machines: None,
        })
    }

    /// Under the directory for things of this boot, by the name of the lab, with the machines in a directory that lasts.
    pub fn of_lab(runtime: &Path, lasting: &Path, name: &str) -> anyhow::Result<StateDir> {
        Ok(StateDir {
            machines: Some(absolute(&lasting.join(name))?),
            ..StateDir::new(&runtime.join("ferric-testbed").join(name))?
        })
    }

    /// The only lab that runs in the default place.
    pub fn find_only(runtime: &Path) -> anyhow::Result<StateDir> {
        let home = runtime.join("ferric-testbed");
        let entries = fs::read_dir(&home)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()));
        let mut labs: Vec<PathBuf> = entries.filter(|path| somebody_answers(path)).collect();
        match (labs.pop(), labs.is_empty()) {
            (None, _) => bail!(
                "no lab runs in {}; name its directory with --state",
                home.display()
            ),
            (Some(only), true) => StateDir::new(&only),
            (Some(_), false) => bail!(
                "several labs run in {}; name one with --state",
                home.display()
            ),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn machine(&self, name: &str) -> PathBuf {
        self.path.join(MACHINES).join(name)
    }

    pub fn control_socket(&self) -> anyhow::Result<SocketPath> {
        SocketPath::new(&self.path, CONTROL)
    }

    /// Makes the directory and claims it.
    pub fn claim(&self) -> anyhow::Result<Claim> {
        create(&self.path)?;
        let path = self.path.join("lock");
        let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| error)
            .with_context(|| {
                format!("claiming {} (another lab runs there)", self.path.display())
            })?;
        let claim = Claim {
            directory: self.clone(),
            _lock: lock,
        };
        claim.clear()?;
        self.make_machines()?;
        Ok(claim)
    }

    /// What is there already stays where it is.
    fn make_machines(&self) -> anyhow::Result<()> {
        let path = self.path.join(MACHINES);
        if let Ok(elsewhere) = fs::read_link(&path) {
            return create_private(&elsewhere);
        }
        match &self.machines {
            Some(elsewhere) if !path.exists() => {
                create_private(elsewhere)?;
                symlink(elsewhere, &path).with_context(|| format!("linking {}", path.display()))
            }
            _ => create(&path),
        }
    }

    fn ready_file(&self) -> PathBuf {
        self.path.join("ready")
    }
}

/// Where machines are kept by default: the user's directory for state, or one of the user in the place for what outlives a boot.
pub fn lasting_home(state_home: Option<&Path>) -> PathBuf {
    match state_home {
        Some(home) => home.join("ferric-testbed"),
        None => PathBuf::from(format!("/var/tmp/ferric-testbed-{}", geteuid())),
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("finding {}", path.display()))
}

fn create(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))
}

/// In /var/tmp everybody can make directories: one that another user made first is not ours to fill.
fn create_private(path: &Path) -> anyhow::Result<()> {
    let created = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    created.with_context(|| format!("creating {}", path.display()))?;
    for directory in path.ancestors().take(2) {
        let found = fs::symlink_metadata(directory)
            .with_context(|| format!("looking at {}", directory.display()))?;
        ensure!(
            found.is_dir() && found.uid() == geteuid().as_raw(),
            "{} belongs to another user; name a directory with --state",
            directory.display()
        );
    }
    Ok(())
}

/// A lab that was killed leaves its socket behind, but nobody is at its other end.
fn somebody_answers(lab: &Path) -> bool {
    let connected =
        SocketPath::new(lab, CONTROL).and_then(|socket| Ok(UnixStream::connect(&socket.path)?));
    connected.is_ok()
}

impl Claim {
    pub fn directory(&self) -> &StateDir {
        &self.directory
    }

    pub fn mark_ready(&self) -> anyhow::Result<()> {
        let path = self.directory.ready_file();
        fs::write(&path, "").with_context(|| format!("writing {}", path.display()))
    }

    /// Removes what says that a lab runs here.
    fn clear(&self) -> anyhow::Result<()> {
        for path in [
            self.directory.ready_file(),
            self.directory.path.join(CONTROL),
        ] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("removing {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            tracing::warn!("{error:#}");
        }
    }
}

impl SocketPath {
    pub fn new(directory: &Path, name: &str) -> anyhow::Result<SocketPath> {
        let open =
            File::open(directory).with_context(|| format!("opening {}", directory.display()))?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", open.as_raw_fd()));
        Ok(SocketPath {
            path,
            _directory: open,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn one_claim_at_a_time_and_no_trace_after_it() {
        let home = tempfile::tempdir().unwrap();
        let directory = StateDir::of_lab(home.path(), &home.path().join("disk"), "lab").unwrap();
        let claim = directory.claim().unwrap();
        assert!(
            format!("{:#}", directory.claim().err().unwrap()).contains("another lab runs there")
        );
        claim.mark_ready().unwrap();
        assert!(directory.ready_file().exists());
        drop(claim);
        assert!(!directory.ready_file().exists());
        directory.claim().unwrap();
    }

    #[test]
    fn machines_of_the_default_place_are_on_a_disk_and_stay_there() {
        let home = tempfile::tempdir().unwrap();
        let (runtime, disk) = (home.path().join("run"), home.path().join("disk"));
        let up = |lasting: &Path| {
            let directory = StateDir::of_lab(&runtime, lasting, "lab").unwrap();
            drop(directory.claim().unwrap());
            directory.machine("node")
        };
        fs::create_dir(up(&disk)).unwrap();
        assert!(disk.join("lab/node").is_dir());
        assert!(
            up(&home.path().join("other")).is_dir(),
            "as it was linked before"
        );
        fs::remove_dir_all(&disk).unwrap();
        fs::create_dir(up(&disk)).unwrap();
        fs::remove_dir_all(&runtime).unwrap();
        assert!(up(&disk).is_dir(), "after a boot");
        let explicit = StateDir::new(&home.path().join("all")).unwrap();
        drop(explicit.claim().unwrap());
        assert!(
            home.path()
                .join("all/machines")
                .symlink_metadata()
                .unwrap()
                .is_dir()
        );
    }

    #[test]
    fn the_only_running_lab_is_found() {
        let home = tempfile::tempdir().unwrap();
        assert!(StateDir::find_only(home.path()).is_err());
        let start = |name: &str| {
            let directory = StateDir::of_lab(home.path(), home.path(), name).unwrap();
            fs::create_dir_all(directory.path()).unwrap();
            let socket = UnixListener::bind(directory.path().join(CONTROL)).unwrap();
            (directory, socket)
        };
        drop(start("killed"));
        assert!(StateDir::find_only(home.path()).is_err());
        let (first, _first_socket) = start("first");
        assert_eq!(
            StateDir::find_only(home.path()).unwrap().path(),
            first.path()
        );
        let _second = start("second");
        assert!(StateDir::find_only(home.path()).is_err());
    }

    #[test]
    fn sockets_in_deep_directories_can_be_reached() {
        let home = tempfile::tempdir().unwrap();
        let deep = home.path().join("d".repeat(100)).join("e".repeat(100));
        fs::create_dir_all(&deep).unwrap();
        let socket = SocketPath::new(&deep, "x.sock").unwrap();
        let _listener = UnixListener::bind(&socket.path).unwrap();
        UnixStream::connect(&socket.path).unwrap();
        assert!(deep.join("x.sock").exists());
    }
}
