//! The boot plane: what a machine gets from DHCP to the image, all of it derived from the store when it asks.
//!
//! It starts no run and changes no node; the conductor says with `network_boot` what a machine shall get.

mod dnsmasq;
mod files;
mod glance;
mod image;
mod image_source;
mod local;
mod media;
mod routes;
mod script;
mod tftp;
mod wanted;

pub(crate) use dnsmasq::BootFile;
pub(crate) use glance::image_id as glance_image;
pub use glance::{Glance, GlanceError};
pub(crate) use image::without_secrets;
pub use image::{Digest, DigestKnown, ImageHead, ImageLocation, ImagePreview, ImageServers};
pub use routes::{Observer, router};

use crate::config::Settings;
use crate::proxy::Clients;
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::node::{Dhcp, NetworkBoot, Node};
use ferric_model::port::Port;
use ferric_store::{FieldValue, Key, Query, Store, StoreError, Table};
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

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
    Glance(#[from] GlanceError),
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
    glance: Option<Glance>,
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
            glance: None,
        }
    }

    /// Images may be Glance's, too.
    #[must_use]
    pub fn with_glance(mut self, glance: Option<Glance>) -> Self {
        self.glance = glance;
        self
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
        self.check_ramdisk(node).await?;
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
            if let script::Source::Glance(id) = script::source(&self.settings, node, part)? {
                self.glance(id).map_err(|error| error.to_string())?;
            }
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
        image::locate(self, node).await
    }

    /// The image as it can be seen without hashing it or fetching more than its first bytes.
    ///
    /// # Errors
    /// [`BootError`] names the image and the problem.
    pub async fn preview_image(&self, node: &Node) -> Result<ImagePreview, BootError> {
        image::preview(self, node).await
    }

    /// Where kernel and ramdisk of the node come from, as they stand in its settings.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn ramdisk_sources(&self, node: &Node) -> Result<[String; 2], String> {
        let shown = |part| {
            let source = script::source(&self.settings, node, part)?;
            Ok::<_, String>(match source {
                script::Source::Url(url) => image::without_secrets(&url),
                script::Source::File(path) => path.display().to_string(),
                script::Source::Glance(id) => format!("glance://{id}"),
            })
        };
        Ok([shown(script::Part::Kernel)?, shown(script::Part::Ramdisk)?])
    }

    /// What Glance has against the image of a node; nothing where it is not one of Glance's.
    ///
    /// # Errors
    /// [`BootError::Glance`]
    pub async fn check_glance_image(&self, node: &Node) -> Result<(), BootError> {
        let source = node.instance_info.get("image_source");
        let source = source.and_then(|value| value.as_str()).unwrap_or_default();
        match glance_image(source) {
            Some(id) => Ok(image::record(self, node, id).await.map(drop)?),
            None => Ok(()),
        }
    }

    /// The same for the kernel and ramdisk that the machine boots.
    ///
    /// # Errors
    /// [`BootError::Glance`]
    pub async fn check_ramdisk(&self, node: &Node) -> Result<(), BootError> {
        for part in [script::Part::Kernel, script::Part::Ramdisk] {
            if let Ok(script::Source::Glance(id)) = script::source(&self.settings, node, part) {
                self.glance(id)?.image(id).await?;
            }
        }
        Ok(())
    }

    /// Whether there is a Glance that may have the image.
    ///
    /// # Errors
    /// [`GlanceError::NotConfigured`]
    pub(crate) fn has_glance(&self, id: Uuid) -> Result<(), GlanceError> {
        self.glance(id).map(drop)
    }

    /// The Glance that has the image.
    fn glance(&self, id: Uuid) -> Result<&Glance, GlanceError> {
        self.glance.as_ref().ok_or(GlanceError::NotConfigured(id))
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
