//! The state directory of a lab: who may use it, and where in it things are.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nix::fcntl::{Flock, FlockArg};

const CONTROL: &str = "control.sock";

#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

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
        Ok(StateDir(
            std::path::absolute(path).with_context(|| format!("finding {}", path.display()))?,
        ))
    }

    /// Under the directory for things of this boot, by the name of the lab.
    pub fn of_lab(runtime: &Path, name: &str) -> anyhow::Result<StateDir> {
        StateDir::new(&runtime.join("ferric-testbed").join(name))
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
        &self.0
    }

    pub fn machine(&self, name: &str) -> PathBuf {
        self.0.join("machines").join(name)
    }

    pub fn control_socket(&self) -> anyhow::Result<SocketPath> {
        SocketPath::new(&self.0, CONTROL)
    }

    /// Makes the directory and claims it.
    pub fn claim(&self) -> anyhow::Result<Claim> {
        fs::create_dir_all(&self.0).with_context(|| format!("creating {}", self.0.display()))?;
        let path = self.0.join("lock");
        let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| error)
            .with_context(|| format!("claiming {} (another lab runs there)", self.0.display()))?;
        let claim = Claim {
            directory: self.clone(),
            _lock: lock,
        };
        claim.clear()?;
        Ok(claim)
    }

    fn ready_file(&self) -> PathBuf {
        self.0.join("ready")
    }
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
        for path in [self.directory.ready_file(), self.directory.0.join(CONTROL)] {
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
        let directory = StateDir::of_lab(home.path(), "lab").unwrap();
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
    fn the_only_running_lab_is_found() {
        let home = tempfile::tempdir().unwrap();
        assert!(StateDir::find_only(home.path()).is_err());
        let start = |name: &str| {
            let directory = StateDir::of_lab(home.path(), name).unwrap();
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
