//! dnsmasq's host and option files, as Ironic's provider writes them. dnsmasq notices a change by itself, but no deletion:
//! whoever is to be forgotten is ignored first.
//!
//! The first line is a comment that says whose file it is, so that conductors can share a folder. Written beside and
//! renamed, so that dnsmasq never reads half a file; an equal file is left alone.

use super::BootError;
use crate::config::Boot;
use ferric_model::ids::NodeId;
use ferric_model::node::Dhcp;
use ferric_model::port::Port;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const IGNORED: &str = ",ignore";

/// Who wrote a file, and for which node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) conductor: String,
    pub(crate) node: NodeId,
}

impl Mark {
    fn line(&self) -> String {
        format!("# ferric conductor={} node={}\n", self.conductor, self.node)
    }

    /// `None`: not one of ours.
    fn of(content: &str) -> Option<Self> {
        let line = content
            .lines()
            .next()?
            .strip_prefix("# ferric conductor=")?;
        let (conductor, node) = line.split_once(" node=")?;
        Some(Self {
            conductor: conductor.to_owned(),
            node: node.parse().ok()?,
        })
    }
}

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Host,
    Options,
}

/// A file as it is to be, or as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BootFile {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) mark: Mark,
    content: String,
}

/// Whether there is anything to write.
pub(super) fn is_used(boot: &Boot) -> bool {
    boot.dnsmasq_hosts_dir.is_some() || boot.dnsmasq_options_dir.is_some()
}

/// The files of a port: dnsmasq answers it and tells it what to boot, or does not answer it any more.
///
/// The options first: a host that is admitted without them would boot nothing.
pub(super) fn files(
    boot: &Boot,
    url: Option<&str>,
    port: &Port,
    (mark, dhcp): (&Mark, Dhcp),
) -> Vec<BootFile> {
    let file = |path, kind, content: String| BootFile {
        path,
        kind,
        mark: mark.clone(),
        content: mark.line() + &content,
    };
    let mut files = Vec::new();
    if let (Some(directory), Some(url)) = (&boot.dnsmasq_options_dir, url) {
        let path = path(directory, port.uuid);
        files.push(file(path, Kind::Options, options(boot, url, port)));
    }
    if let Some(directory) = &boot.dnsmasq_hosts_dir {
        let path = path(directory, &port.address);
        let host = match dhcp {
            Dhcp::Answered => format!("{},set:{},set:ironic\n", port.address, port.uuid),
            Dhcp::Ignored => format!("{}{IGNORED}\n", port.address),
        };
        files.push(file(path, Kind::Host, host));
    }
    files
}

/// Where the files of a port are, by what is known of it without its document.
pub(super) fn paths(boot: &Boot, port: &str, address: &str) -> Vec<PathBuf> {
    let options = boot.dnsmasq_options_dir.iter();
    let hosts = boot.dnsmasq_hosts_dir.iter();
    let options = options.map(|directory| path(directory, port));
    options
        .chain(hosts.map(|directory| path(directory, address)))
        .collect()
}

fn path(directory: &Path, of: impl Display) -> PathBuf {
    directory.join(format!("ironic-{of}.conf"))
}

/// By number: 67 boot file, 66 and 150 TFTP server, 255 next server in the header.
fn options(boot: &Boot, provision_url: &str, port: &Port) -> String {
    let tag = port.uuid;
    let (bios, uefi) = (&boot.bios_bootfile, &boot.uefi_bootfile);
    let mut lines = format!(
        "tag:{tag},tag:!ipxe,tag:!efi64,67,{bios}\n\
         tag:{tag},tag:!ipxe,tag:efi64,67,{uefi}\n\
         tag:{tag},tag:ipxe,67,{provision_url}/boot.ipxe\n"
    );
    if let Some(server) = host_of(provision_url) {
        for option in [66, 150, 255] {
            lines.push_str(&format!("tag:{tag},{option},{server}\n"));
        }
    }
    lines
}

fn host_of(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// Files that a conductor has written, be it this one or another one that shares the folders.
pub(super) fn found(boot: &Boot) -> Result<Vec<BootFile>, BootError> {
    let folders = [
        (&boot.dnsmasq_hosts_dir, Kind::Host),
        (&boot.dnsmasq_options_dir, Kind::Options),
    ];
    let mut found = Vec::new();
    for (folder, kind) in folders {
        let Some(folder) = folder else { continue };
        let failed = |source| BootError::Read {
            path: folder.clone(),
            source,
        };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            found.extend(read(path, kind));
        }
    }
    Ok(found)
}

pub(super) fn found_at(boot: &Boot, path: PathBuf) -> Option<BootFile> {
    let is_host = path.parent() == boot.dnsmasq_hosts_dir.as_deref();
    read(path, if is_host { Kind::Host } else { Kind::Options })
}

/// `None`: it is not ours, or is gone.
fn read(path: PathBuf, kind: Kind) -> Option<BootFile> {
    let name = path.file_name()?.to_str()?;
    if !name.starts_with("ironic-") {
        return None;
    }
    let content = std::fs::read_to_string(&path).ok()?;
    let mark = Mark::of(&content)?;
    Some(BootFile {
        path,
        kind,
        mark,
        content,
    })
}

impl BootFile {
    /// The same file under the hands of this conductor, with nobody answered any more; `None` if it is so already.
    pub(super) fn ignoring(&self, conductor: &str) -> Option<Self> {
        let line = self.content.lines().nth(1)?;
        let address = line.split(',').next()?;
        let ignored = format!("{address}{IGNORED}");
        let mark = Mark {
            conductor: conductor.to_owned(),
            node: self.mark.node,
        };
        let content = format!("{}{ignored}\n", mark.line());
        (line != ignored).then(|| Self {
            mark,
            content,
            ..self.clone()
        })
    }

    pub(crate) fn is_host(&self) -> bool {
        self.kind == Kind::Host
    }

    /// Answers whether it was another one before.
    pub(super) fn write(&self) -> Result<bool, BootError> {
        let path = &self.path;
        if std::fs::read(path).is_ok_and(|found| found == self.content.as_bytes()) {
            return Ok(false);
        }
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(false);
        };
        // dnsmasq passes over names that begin with a dot.
        let partial = directory.join(format!(".{}", name.display()));
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(&partial, &self.content))
            .and_then(|()| std::fs::rename(&partial, path))
            .map_err(|source| BootError::Write {
                path: path.clone(),
                source,
            })?;
        Ok(true)
    }

    pub(super) fn remove(&self) -> Result<(), BootError> {
        match std::fs::remove_file(&self.path) {
            Err(source) if source.kind() != ErrorKind::NotFound => Err(BootError::Write {
                path: self.path.clone(),
                source,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::PortId;
    use uuid::Uuid;

    #[test]
    fn files_of_a_port() {
        let directory = tempfile::tempdir().unwrap();
        let boot = Boot {
            dnsmasq_hosts_dir: Some(directory.path().join("hosts")),
            dnsmasq_options_dir: Some(directory.path().join("options")),
            ..Boot::default()
        };
        let mac = "52:54:00:00:00:01".parse().unwrap();
        let node = NodeId(Uuid::nil());
        let port = Port::new(PortId(Uuid::nil()), mac, node, jiff::Timestamp::UNIX_EPOCH);
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        let mark = Mark {
            conductor: "one".to_owned(),
            node,
        };
        let write = |dhcp| {
            let url = Some("http://192.168.100.1:6380");
            let files = files(&boot, url, &port, (&mark, dhcp));
            let written = files.iter().map(|file| file.write().unwrap());
            written.filter(|written| *written).count()
        };

        assert_eq!(write(Dhcp::Answered), 2);
        assert_eq!(write(Dhcp::Answered), 0, "an equal file is left alone");
        let first = "# ferric conductor=one node=00000000-0000-0000-0000-000000000000\n";
        assert_eq!(
            read("hosts/ironic-52:54:00:00:00:01.conf"),
            format!(
                "{first}52:54:00:00:00:01,set:00000000-0000-0000-0000-000000000000,set:ironic\n"
            )
        );
        let options = read("options/ironic-00000000-0000-0000-0000-000000000000.conf");
        let tag = "tag:00000000-0000-0000-0000-000000000000";
        assert_eq!(
            options.lines().collect::<Vec<_>>(),
            [
                first.trim_end().to_owned(),
                format!("{tag},tag:!ipxe,tag:!efi64,67,undionly.kpxe"),
                format!("{tag},tag:!ipxe,tag:efi64,67,snponly.efi"),
                format!("{tag},tag:ipxe,67,http://192.168.100.1:6380/boot.ipxe"),
                format!("{tag},66,192.168.100.1"),
                format!("{tag},150,192.168.100.1"),
                format!("{tag},255,192.168.100.1"),
            ]
        );
        let found = found(&boot).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|file| file.mark == mark));

        assert_eq!(write(Dhcp::Ignored), 1);
        assert_eq!(
            read("hosts/ironic-52:54:00:00:00:01.conf"),
            format!("{first}52:54:00:00:00:01,ignore\n")
        );
    }

    #[test]
    fn what_somebody_else_wrote_is_not_found() {
        let directory = tempfile::tempdir().unwrap();
        let boot = Boot {
            dnsmasq_hosts_dir: Some(directory.path().to_owned()),
            ..Boot::default()
        };
        for (name, content) in [
            ("ironic-a.conf", "52:54:00:00:00:01,ignore\n"),
            (
                "other.conf",
                "# ferric conductor=one node=00000000-0000-0000-0000-000000000000\n",
            ),
            (
                ".ironic-b.conf",
                "# ferric conductor=one node=00000000-0000-0000-0000-000000000000\n",
            ),
        ] {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        assert_eq!(found(&boot).unwrap(), []);
    }
}
