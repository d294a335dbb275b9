//! The files of `ferric cluster` in a state directory. What is secret is readable by its owner only.

use super::certificates::{Member, Pair};
use crate::config::cluster as names;
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The authority's key: with the conductor that was the first.
const CA_KEY: &str = "ca.key";
/// Whom the certificate is for.
const MEMBER: &str = "member.json";
const SECRET: u32 = 0o600;
const OPEN: u32 = 0o644;

pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn of(state_dir: &Path) -> Self {
        Self(state_dir.join(names::FOLDER))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Refuses a folder in which something would be replaced.
    pub(crate) fn must_be_empty(&self) -> anyhow::Result<()> {
        for name in [names::CA, names::CERTIFICATE, names::KEY, CA_KEY, MEMBER] {
            let path = self.path(name);
            if path.exists() {
                bail!(
                    "{} exists already: this state directory is a conductor's of a cluster, and nothing is replaced",
                    path.display()
                );
            }
        }
        Ok(())
    }

    /// The authority's certificates.
    pub(crate) fn authorities(&self) -> anyhow::Result<String> {
        read(&self.path(names::CA)).context("run `ferric cluster init` first")
    }

    pub(crate) fn authority_key(&self) -> anyhow::Result<String> {
        read(&self.path(CA_KEY)).context(
            "the authority's key is where `ferric cluster init` was run: run this there, or have \
             `ferric cluster invite` and `join --replace` make a new certificate for this conductor",
        )
    }

    pub(crate) fn member(&self) -> anyhow::Result<Member> {
        let path = self.path(MEMBER);
        let text = read(&path)?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    pub(crate) fn keep_authority(&self, certificates: &str, key: &str) -> anyhow::Result<()> {
        write(&self.path(CA_KEY), key, SECRET)?;
        self.keep_authorities(certificates)
    }

    pub(crate) fn keep_authorities(&self, certificates: &str) -> anyhow::Result<()> {
        write(&self.path(names::CA), certificates, OPEN)
    }

    /// A process that looks in between finds that the two do not fit, and waits.
    pub(crate) fn keep_member(
        &self,
        member: &Member,
        (certificate, key): (&str, &str),
    ) -> anyhow::Result<()> {
        write(&self.path(names::KEY), key, SECRET)?;
        write(&self.path(names::CERTIFICATE), certificate, OPEN)?;
        let member = serde_json::to_string_pretty(member)?;
        write(&self.path(MEMBER), &member, OPEN)
    }

    pub(crate) fn keep_pair(&self, member: &Member, pair: &Pair) -> anyhow::Result<()> {
        self.keep_member(member, (&pair.certificate, &pair.key))
    }
}

pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// A file that never exists again under this name.
pub(crate) fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let draft = draft(path, text, SECRET)?;
    let made = draft.persist_noclobber(path);
    made.with_context(|| format!("making {}", path.display()))?;
    sync_names(path)
}

/// Whole or not at all, in place of what was there.
fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let draft = draft(path, text, mode)?;
    let kept = draft.persist(path);
    kept.with_context(|| format!("writing {}", path.display()))?;
    sync_names(path)
}

/// Makes the names in the folder of this file outlast a power cut.
pub(crate) fn sync_names(path: &Path) -> anyhow::Result<()> {
    let folder = parent(path);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("syncing {}", folder.display()))
}

fn parent(path: &Path) -> &Path {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn draft(path: &Path, text: &str, mode: u32) -> anyhow::Result<tempfile::NamedTempFile> {
    let folder = parent(path);
    let doing = || format!("writing {}", path.display());
    fs::create_dir_all(folder).with_context(doing)?;
    let mut draft = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(SECRET))
        .tempfile_in(folder)
        .with_context(doing)?;
    draft.write_all(text.as_bytes()).with_context(doing)?;
    draft
        .as_file()
        .set_permissions(fs::Permissions::from_mode(mode))
        .with_context(doing)?;
    draft.as_file().sync_all().with_context(doing)?;
    Ok(draft)
}
