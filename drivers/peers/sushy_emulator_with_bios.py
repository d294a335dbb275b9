"""The emulator of sushy-tools, whose fake machines get BIOS settings as those of its libvirt driver have them.

Takes the options of sushy-emulator. What is spoken over HTTP is the emulator's own; only where it keeps the settings of a
fake machine is ours.
"""

from sushy_tools.emulator.main import main
from sushy_tools.emulator.resources.systems.fakedriver import FakeDriver

DEFAULTS = {"BootMode": "Uefi", "EmbeddedSata": "Raid", "NicBoot1": "NetworkBoot", "ProcTurboMode": "Enabled"}


def get_bios(self, identity):
    return self._get(identity).get("bios", DEFAULTS)


def set_bios(self, identity, attributes):
    self._update(identity, bios={**get_bios(self, identity), **attributes})


def reset_bios(self, identity):
    self._update(identity, bios=DEFAULTS)


FakeDriver.get_bios = get_bios
FakeDriver.set_bios = set_bios
FakeDriver.reset_bios = reset_bios

if __name__ == "__main__":
    raise SystemExit(main())
