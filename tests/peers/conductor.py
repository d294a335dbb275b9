"""Ironic's API and conductor in one process, inside of a lab, with the machine's real hardware type."""

import re
import subprocess

from lab import ADDRESS, API_PORT, WEB, WITHOUT, tail
from servers import Ironic

INTERFACES = {
    "bios": "no-bios", "boot": "ipxe,redfish-virtual-media", "console": "no-console", "deploy": "direct", "firmware": "no-firmware",
    "inspect": "agent", "management": "redfish", "network": "noop", "power": "redfish", "raid": "no-raid,agent", "rescue": "agent",
    "storage": "noop", "vendor": "no-vendor",
}
CONSOLE = "nofb vga=normal no_timer_check console=tty0 console=ttyS0,115200n8"
# All that reads what the ramdisk found.
HOOKS = "$default_hooks,boot-mode,cpu-capabilities,cpus,memory,root-device,pci-devices,local-link-connection,parse-lldp,raid-device,extra-hardware"
COLLECTORS = "default,logs,pci-devices,numa-topology,dmi-decode,usb-devices,lldp,extra-hardware"


class Conductor(Ironic):
    """Ironic with the settings of a stand-alone installation: no other service, dnsmasq steered by its own driver."""

    driver = b'"redfish"'

    def __init__(self, folder, lab):
        super().__init__(folder, "ironic")
        self.lab = lab
        self.port = lab.api_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.esp = folder / "esp.img"

    def prepare(self):
        for name in ("certificates", "logs"):
            (self.folder / name).mkdir()
        make_esp(self.lab.images / "os.qcow2", self.esp)
        unset = [word for name in WITHOUT for word in ("-u", name)]
        # Its workers would outlive a script that is killed, but not the first process of their namespace.
        contained = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        return self.lab.inside([*contained, "env", *unset, *super().prepare()])

    def config(self):
        dnsmasq = self.lab.state / "dnsmasq"
        sections = {
            "DEFAULT": {
                "auth_strategy": "noauth", "host": "peers", "my_ip": ADDRESS, "rpc_transport": "none", "debug": "true",
                "state_path": self.folder, "tempdir": self.folder / "tmp", "enabled_hardware_types": "redfish",
                **{f"enabled_{kind}_interfaces": names for kind, names in INTERFACES.items()},
                "default_boot_interface": "ipxe", "esp_image": self.esp, "grub_config_path": "EFI/debian/grub.cfg",
            },
            "api": {"host_ip": "0.0.0.0", "port": API_PORT, "api_workers": 1},
            "database": {"connection": f"sqlite:///{self.folder}/ironic.sqlite", "sqlite_synchronous": "false"},
            # On SQLite it does not beat, and would be taken for dead after a minute.
            "conductor": {"heartbeat_timeout": 86400},
            "dhcp": {"dhcp_provider": "dnsmasq"},
            "dnsmasq": {
                "dhcp_hostsdir": dnsmasq / "hosts", "dhcp_optsdir": dnsmasq / "opts", "dhcp_leasefile": dnsmasq / "leases",
            },
            # As in the other suites, whole disks are not overwritten: each time would take their full size here.
            "deploy": {
                "http_root": self.lab.web, "http_url": WEB, "erase_devices_priority": 0, "iso_master_path": self.folder / "isos",
            },
            "agent": {
                "certificates_path": self.folder / "certificates", "deploy_logs_collect": "always",
                "deploy_logs_local_path": self.folder / "logs",
                # An emulated processor may take longer for a ramdisk's logs than Ironic would wait, and log, by itself.
                "command_timeout": 180,
            },
            "pxe": {
                "kernel_append_params": CONSOLE, "tftp_root": self.folder / "tftp", "tftp_master_path": self.folder / "tftp/master",
                "images_path": self.folder / "images", "instance_master_path": self.folder / "images/master",
            },
            "redfish": {"kernel_append_params": CONSOLE},
            "inspector": {
                "hooks": HOOKS, "add_ports": "all", "pre_create_ports": "false",
                "extra_kernel_params": f"ipa-inspection-collectors={COLLECTORS}",
            },
            "service_catalog": {"endpoint_override": f"http://{ADDRESS}:{API_PORT}"},
            "oslo_concurrency": {"lock_path": self.folder / "locks"},
        }
        lines = []
        for section, settings in sections.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in settings.items()), ""]
        return "\n".join(lines)

    def errors(self):
        """What the conductor logged as an error."""
        text = self.log().read_text(errors="replace")
        return [line for line in text.splitlines() if re.match(r"\S+ \S+ \d+ (ERROR|CRITICAL) ", line)]

    def logs(self):
        """The archives of the ramdisk's logs."""
        return sorted((self.folder / "logs").iterdir())

    def tail(self):
        """The end of the log, without its finest parts."""
        text = self.log().read_text(errors="replace")
        told = [line for line in text.splitlines() if " DEBUG " not in line and " ironic.api " not in line]
        return "--- ironic\n" + tail("\n".join(told), 40)


def make_esp(image, esp):
    """Copies the EFI system partition of the system image, with its signed boot loader, from where image-build puts it."""
    head = esp.with_suffix(".head")
    subprocess.run(
        ["qemu-img", "dd", "-f", "qcow2", "-O", "raw", f"if={image}", f"of={head}", "bs=1M", "count=18"], check=True, capture_output=True,
    )
    esp.write_bytes(head.read_bytes()[2 << 20 : 18 << 20])
    head.unlink()
