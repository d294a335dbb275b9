//! Where the firmware images of this host are, and each machine's own copy of the UEFI variables.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// UEFI firmware: code that is shared and the empty variable store that belongs to it.
#[derive(Clone, Debug)]
pub struct Ovmf {
    pub code: PathBuf,
    variables: PathBuf,
}

/// In order of preference; Debian ships both sizes, other distributions one of them.
const PAIRS: [(&str, &str); 3] = [
    (
        "/usr/share/OVMF/OVMF_CODE_4M.fd",
        "/usr/share/OVMF/OVMF_VARS_4M.fd",
    ),
    (
        "/usr/share/OVMF/OVMF_CODE.fd",
        "/usr/share/OVMF/OVMF_VARS.fd",
    ),
    (
        "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
        "/usr/share/edk2/x64/OVMF_VARS.4m.fd",
    ),
];

impl Ovmf {
    pub fn find() -> anyhow::Result<Ovmf> {
        PAIRS
            .map(|(code, variables)| Ovmf {
                code: code.into(),
                variables: variables.into(),
            })
            .into_iter()
            .find(|pair| pair.code.exists() && pair.variables.exists())
            .context("finding UEFI firmware in /usr/share/OVMF (is the package ovmf installed?)")
    }

    /// Gives a machine its variable store, unless it has one already: what an installed system wrote there must survive.
    pub fn provide_variables(&self, path: &Path) -> anyhow::Result<()> {
        if path.exists() {
            return Ok(());
        }
        fs::copy(&self.variables, path).with_context(|| {
            format!("copying {} to {}", self.variables.display(), path.display())
        })?;
        Ok(())
    }
}

#[cfg(test)]
impl Ovmf {
    pub fn for_tests() -> Ovmf {
        Ovmf {
            code: "/firmware/code.fd".into(),
            variables: "/firmware/vars.fd".into(),
        }
    }
}
