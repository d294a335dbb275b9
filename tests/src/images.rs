//! What `image-build/build` made: ramdisk, system image, manifest.

use anyhow::Context;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The top of the checkout.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the checkout")
        .to_owned()
}

/// Paths of the images.
#[derive(Clone, Debug)]
pub struct Images {
    pub kernel: PathBuf,
    pub ramdisk: PathBuf,
    pub system: PathBuf,
}

impl Images {
    /// # Errors
    /// Says how to make what is missing.
    pub fn find() -> anyhow::Result<Self> {
        let folder = top().join("target/images");
        let file = |name: &str| {
            let path = folder.join(name);
            // Links lead into the cache; the real path is what the conductor is allowed to serve.
            path.canonicalize()
                .with_context(|| format!("{} is missing: run ./image-build/build", path.display()))
        };
        Ok(Self {
            kernel: file("ferric-agent.kernel")?,
            ramdisk: file("ferric-agent.initramfs")?,
            system: file("os.qcow2")?,
        })
    }

    /// The manifest beside them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn manifest() -> anyhow::Result<Value> {
        let path = top().join("target/images/manifest.json");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        Ok(serde_json::from_str(&text)?)
    }
}
