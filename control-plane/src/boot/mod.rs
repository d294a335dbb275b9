//! The boot plane: what a machine gets from DHCP to the image, all of it derived from the store when it asks.
//!
//! It starts no run and changes no node; the conductor says with `network_boot` what a machine shall get.

mod dnsmasq;
mod files;
mod image;
mod image_source;
mod local;
mod routes;
mod script;
mod tftp;

pub(crate) use dnsmasq::BootFile;
pub(crate) use image::without_secrets;
pub use image::{Digest, DigestKnown, ImageGlance, ImageHead, ImageLocation, ImageServers};
pub use routes::{Observer, router};

use crate::config::Settings;
use crate::proxy::Clients;
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::node::{Dhcp, NetworkBoot, Node};
use ferric_model::port::Port;
use ferric_store::{FieldValue, Key, Query, Store, StoreError, Table};
use std::path::PathBuf;
use std::sync::Arc;

/// Why a machine cannot be given what it needs to boot. The sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error("writing {path}", path = path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("reading {path}", path = path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{0}")]
    Setting(String),
    #[error("the image {image} cannot be used: {problem}")]
    Image { image: String, problem: String },
    #[error("asking for the image {image}")]
    ImageRequest {
        image: String,
        #[source]
        source: reqwest::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct BootPlane {
    settings: Arc<Settings>,
    store: Arc<dyn Store>,
    image_servers: Arc<dyn ImageServers>,
    image_files: image::Files,
}

impl BootPlane {
    /// Ready to answer machines; `clients` are used to ask for images.
    pub fn new(
        settings: Arc<Settings>,
        store: Arc<dyn Store>,
        clients: impl Into<Clients>,
    ) -> Self {
        let clients: Clients = clients.into();
        Self {
            settings,
            store,
            image_servers: Arc::new(clients),
            image_files: image::Files::default(),
        }
    }

    /// Asks for images in this way.
    #[must_use]
    pub fn with_image_servers(mut self, servers: Arc<dyn ImageServers>) -> Self {
        self.image_servers = servers;
        self
    }

    /// Puts the iPXE programs where the TFTP server finds them. Once, at start.
    ///
    /// # Errors
    /// [`BootError::Write`] when a program is missing or cannot be copied.
    pub fn install_tftp_files(&self) -> Result<(), BootError> {
        tftp::install(&self.settings.boot)
    }

    /// DHCP for these ports, before the machine is powered on. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`BootError`] when a file cannot be written.
    pub async fn prepare(&self, node: &Node, ports: &[Port]) -> Result<(), BootError> {
        self.validate(node, ports).map_err(BootError::Setting)?;
        let files = self.local_files(node.uuid, Some(Dhcp::Answered), ports);
        self.write_files(files.wanted).await.map(drop)
    }

    /// Takes the ports out of DHCP again.
    ///
    /// # Errors
    /// [`BootError`] when a file cannot be written.
    pub async fn clean_up(&self, node: &Node, ports: &[Port]) -> Result<(), BootError> {
        let files = self.local_files(node.uuid, Some(Dhcp::Ignored), ports);
        self.write_files(files.wanted).await.map(drop)
    }

    /// What is missing for a network boot of this node.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn validate(&self, node: &Node, ports: &[Port]) -> Result<(), String> {
        if self.settings.provision_base().is_none() {
            return Err(
                "no provisioning listener: start ferric with --provision-listen ADDRESS:PORT"
                    .to_owned(),
            );
        }
        for part in [script::Part::Kernel, script::Part::Ramdisk] {
            script::source(&self.settings.boot, node, part)?;
        }
        // A boot script is found by the address of a port.
        if !ports.iter().any(|port| port.pxe_enabled) {
            return Err(format!(
                "node {} has no port with pxe_enabled: add one with the address of the interface that boots",
                node.uuid
            ));
        }
        Ok(())
    }

    /// Where a machine downloads the node's image, with what is known of it.
    ///
    /// # Errors
    /// [`BootError::Image`] names the image and the problem.
    pub async fn image(&self, node: &Node) -> Result<ImageLocation, BootError> {
        let servers = self.image_servers.as_ref();
        image::locate(&self.settings, servers, &self.image_files, node).await
    }

    /// The image as it can be seen without hashing it or fetching more than its first bytes.
    ///
    /// # Errors
    /// [`BootError`] names the image and the problem.
    pub async fn glance_at_image(&self, node: &Node) -> Result<ImageGlance, BootError> {
        let servers = self.image_servers.as_ref();
        image::glance(&self.settings, servers, &self.image_files, node).await
    }

    /// Where kernel and ramdisk of the node come from, as they stand in its settings.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn ramdisk_sources(&self, node: &Node) -> Result<[String; 2], String> {
        let shown = |part| {
            let source = script::source(&self.settings.boot, node, part)?;
            Ok::<_, String>(match source {
                script::Source::Url(url) => image::without_secrets(&url),
                script::Source::File(path) => path.display().to_string(),
            })
        };
        Ok([shown(script::Part::Kernel)?, shown(script::Part::Ramdisk)?])
    }

    async fn node(&self, id: NodeId) -> Result<Option<Node>, StoreError> {
        let record = self.store.get(&Key::new(Table::Node, id)).await?;
        record.map(|record| record.decode()).transpose()
    }

    async fn node_by_mac(&self, mac: &MacAddress) -> Result<Option<Node>, StoreError> {
        let address = FieldValue::Text(mac.to_string());
        let page = self
            .store
            .page(&Query::all(Table::Port).filter("address", vec![address]))
            .await?;
        let Some(record) = page.records.first() else {
            return Ok(None);
        };
        self.node(record.decode::<Port>()?.node_uuid).await
    }

    /// The script for a machine with this address, and the node it belongs to.
    async fn script(&self, mac: &MacAddress) -> Result<Option<(NodeId, String)>, BootError> {
        let Some(node) = self.node_by_mac(mac).await? else {
            return Ok(None);
        };
        let script = match node.network_boot {
            NetworkBoot::LocalDisk => script::local_disk(),
            NetworkBoot::Ramdisk => {
                script::ramdisk(&self.settings, &node).map_err(BootError::Setting)?
            }
        };
        Ok(Some((node.uuid, script)))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
