//! The two files that a lab is made from: the testbed's and the conductor's.

use crate::images::Images;
use crate::lab::{PROVISION, Plan};
use crate::toml::quoted;
use std::path::Path;

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// What the testbed brings up; `port` of the host leads to the API.
pub fn lab_file(plan: &Plan, folder: &Path, port: u16) -> String {
    let mut text = format!(
        "name = {}\n\n[dnsmasq]\nhostsdir = {}\noptsdir = {}\ntftp_root = {}\n\n\
         [[forward]]\nlisten = \"127.0.0.1:{port}\"\nto = \"127.0.0.1:6385\"\n\n",
        quoted(&plan.name),
        path(&folder.join("hosts")),
        path(&folder.join("options")),
        path(&folder.join("tftp")),
    );
    for machine in &plan.machines {
        text.push_str(&machine.toml());
    }
    text
}

/// How the conductor in the lab works. Cleaning leaves out the overwriting of whole disks, as Ironic's own tests do:
/// each of them would then take its full size of this machine's disk.
pub fn settings_file(plan: &Plan, folder: &Path, images: &Images) -> String {
    let image_folder = images.system.parent().expect("a file is in a folder");
    format!(
        "state_dir = {}\nhost = \"conductor-1\"\n\n\
         [provision]\nlisten = \"{PROVISION}\"\n\n\
         [boot]\nkernel = {}\nramdisk = {}\n\
         kernel_append_params = \"nofb vga=normal no_timer_check console=tty0 console=ttyS0,115200n8\"\n\
         dnsmasq_hosts_dir = {}\ndnsmasq_options_dir = {}\ntftp_root = {}\n\n\
         [steps]\nerase_devices_priority = 0\n\n\
         [images]\nallowed_paths = [{}, {}]\n\n{}",
        path(&folder.join("state")),
        path(&images.kernel),
        path(&images.ramdisk),
        path(&folder.join("hosts")),
        path(&folder.join("options")),
        path(&folder.join("tftp")),
        path(image_folder),
        path(folder),
        plan.settings,
    )
}
