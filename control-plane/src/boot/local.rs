//! What of a node's boot is on this conductor's own disk: dnsmasq's files. They say what the store says, and can be made
//! again from it at any time.

use super::dnsmasq::{self, BootFile, Kind, Mark};
use super::{BootError, BootPlane, blocking};
use ferric_model::ids::NodeId;
use ferric_model::node::Dhcp;
use ferric_model::port::Port;
use std::path::PathBuf;

/// The files of a node on this conductor.
pub(crate) struct LocalFiles {
    pub(crate) wanted: Vec<BootFile>,
    /// May be there as well, as they are.
    pub(crate) allowed: Vec<PathBuf>,
}

impl BootPlane {
    /// Whether nodes have files on this conductor's disk at all.
    pub(crate) fn has_local_files(&self) -> bool {
        dnsmasq::is_used(&self.settings.boot)
    }

    /// The files of a node that belongs to this conductor; none where DHCP was never told anything. Ports that do not boot
    /// are never admitted, and ignored again only with all others.
    pub(crate) fn local_files(
        &self,
        node: NodeId,
        dhcp: Option<Dhcp>,
        ports: &[Port],
    ) -> LocalFiles {
        let mark = Mark {
            conductor: self.settings.host.clone(),
            node,
        };
        let url = self.settings.provision_base();
        let (mut wanted, mut allowed) = (Vec::new(), Vec::new());
        for port in ports {
            let Some(dhcp) = dhcp else { break };
            let files = dnsmasq::files(&self.settings.boot, url, port, (&mark, dhcp));
            if port.pxe_enabled || dhcp == Dhcp::Ignored {
                wanted.extend(files);
            } else {
                allowed.extend(files.into_iter().map(|file| file.path));
            }
        }
        LocalFiles { wanted, allowed }
    }

    /// Where the files of a port are whose document cannot be read.
    pub(crate) fn paths_of(&self, port: &str, address: &str) -> Vec<PathBuf> {
        dnsmasq::paths(&self.settings.boot, port, address)
    }

    /// All that a conductor has written into the folders.
    ///
    /// # Errors
    /// [`BootError::Read`]
    pub(crate) async fn found_files(&self) -> Result<Vec<BootFile>, BootError> {
        let boot = self.settings.boot.clone();
        blocking(move || dnsmasq::found(&boot)).await
    }

    /// One of them; `None`: it is gone, or somebody else's.
    pub(crate) async fn found_file(&self, path: PathBuf) -> Option<BootFile> {
        let boot = self.settings.boot.clone();
        blocking(move || dnsmasq::found_at(&boot, path)).await
    }

    /// Answers how many had to be written.
    ///
    /// # Errors
    /// [`BootError::Write`]
    pub(crate) async fn write_files(&self, files: Vec<BootFile>) -> Result<usize, BootError> {
        // No thread for nothing: where there are no files a simulated world has one history.
        if files.is_empty() {
            return Ok(0);
        }
        blocking(move || {
            let mut written = 0;
            for file in &files {
                written += usize::from(file.write()?);
            }
            Ok(written)
        })
        .await
    }

    /// Has dnsmasq forget the host, or removes what it says nothing by. Answers whether there was anything to do: a host
    /// that is ignored already stays until [`BootPlane::remove_file`].
    ///
    /// # Errors
    /// [`BootError::Write`]
    pub(crate) async fn retire_file(&self, file: BootFile) -> Result<bool, BootError> {
        let host = self.settings.host.clone();
        blocking(move || match file.kind {
            Kind::Options => file.remove().map(|()| true),
            Kind::Host => match file.ignoring(&host) {
                Some(ignoring) => ignoring.write(),
                None => Ok(false),
            },
        })
        .await
    }

    /// # Errors
    /// [`BootError::Write`]
    pub(crate) async fn remove_file(&self, file: BootFile) -> Result<(), BootError> {
        blocking(move || file.remove()).await
    }
}
