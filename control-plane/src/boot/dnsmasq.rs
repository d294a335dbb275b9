//! dnsmasq's host and option files, as Ironic's provider writes them. dnsmasq notices a change by itself.
//!
//! Written beside and renamed, so that it never reads half a file; an equal file is left alone.

use super::BootError;
use crate::config::Boot;
use ferric_model::port::Port;
use std::path::Path;

/// Whether there is anything to write.
pub(super) fn is_used(boot: &Boot) -> bool {
    boot.dnsmasq_hosts_dir.is_some() || boot.dnsmasq_options_dir.is_some()
}

/// Lets dnsmasq answer this port and tells it what to boot.
pub(super) fn admit(boot: &Boot, provision_url: &str, port: &Port) -> Result<(), BootError> {
    // The options first: a host that is admitted without them would boot nothing.
    if let Some(directory) = &boot.dnsmasq_options_dir {
        let name = format!("ironic-{}.conf", port.uuid);
        write(directory, &name, &options(boot, provision_url, port))?;
    }
    write_host(
        boot,
        port,
        &format!("{},set:{},set:ironic\n", port.address, port.uuid),
    )
}

/// Tells dnsmasq not to answer this port any more; it has no other way to forget a host.
pub(super) fn ignore(boot: &Boot, port: &Port) -> Result<(), BootError> {
    write_host(boot, port, &format!("{},ignore\n", port.address))
}

fn write_host(boot: &Boot, port: &Port, content: &str) -> Result<(), BootError> {
    match &boot.dnsmasq_hosts_dir {
        Some(directory) => write(directory, &format!("ironic-{}.conf", port.address), content),
        None => Ok(()),
    }
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

fn write(directory: &Path, name: &str, content: &str) -> Result<(), BootError> {
    let path = directory.join(name);
    if std::fs::read(&path).is_ok_and(|found| found == content.as_bytes()) {
        return Ok(());
    }
    // dnsmasq passes over names that begin with a dot.
    let partial = directory.join(format!(".{name}"));
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&partial, content))
        .and_then(|()| std::fs::rename(&partial, &path))
        .map_err(|source| BootError::Write { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::{NodeId, PortId};
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
        let port = Port::new(
            PortId(Uuid::nil()),
            mac,
            NodeId(Uuid::nil()),
            jiff::Timestamp::UNIX_EPOCH,
        );
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();

        admit(&boot, "http://192.168.100.1:6380", &port).unwrap();
        assert_eq!(
            read("hosts/ironic-52:54:00:00:00:01.conf"),
            "52:54:00:00:00:01,set:00000000-0000-0000-0000-000000000000,set:ironic\n"
        );
        let options = read("options/ironic-00000000-0000-0000-0000-000000000000.conf");
        let tag = "tag:00000000-0000-0000-0000-000000000000";
        assert_eq!(
            options.lines().collect::<Vec<_>>(),
            [
                format!("{tag},tag:!ipxe,tag:!efi64,67,undionly.kpxe"),
                format!("{tag},tag:!ipxe,tag:efi64,67,snponly.efi"),
                format!("{tag},tag:ipxe,67,http://192.168.100.1:6380/boot.ipxe"),
                format!("{tag},66,192.168.100.1"),
                format!("{tag},150,192.168.100.1"),
                format!("{tag},255,192.168.100.1"),
            ]
        );

        ignore(&boot, &port).unwrap();
        assert_eq!(
            read("hosts/ironic-52:54:00:00:00:01.conf"),
            "52:54:00:00:00:01,ignore\n"
        );
    }
}
