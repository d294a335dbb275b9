"""A switch at the machine's interfaces: says each second by LLDP what it is, until it is ended.

switch.py TAP...: the first one is its port Ethernet0, and so on. It is run in the lab's network.
"""

import contextlib
import socket
import struct
import sys
import time

ETHERTYPE = 0x88CC
EVERYBODY = bytes.fromhex("0180c200000e")
CHASSIS = "52:54:00:fe:ff:01"
NAME = "peer-switch"
VLAN = 101
PAUSE_S = 1


def port(number):
    """What it calls its port."""
    return f"Ethernet{number}"


def tlv(kind, value):
    """A header of seven bits for the kind and nine for the length, and the value."""
    return struct.pack("!H", kind << 9 | len(value)) + value


def frame(number):
    """Chassis by MAC address, port by name, time to live, name, and the VLAN of untagged frames."""
    mac = bytes.fromhex(CHASSIS.replace(":", ""))
    said = [
        (1, b"\x04" + mac), (2, b"\x05" + port(number).encode()), (3, struct.pack("!H", 120)), (5, NAME.encode()),
        (127, bytes.fromhex("0080c201") + struct.pack("!H", VLAN)), (0, b""),
    ]
    return EVERYBODY + mac + struct.pack("!H", ETHERTYPE) + b"".join(tlv(kind, value) for kind, value in said)


def main(taps):
    """A tap without its machine takes nothing; it may have one a second later."""
    sockets = []
    for tap in taps:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        opened.bind((tap, 0))
        sockets.append(opened)
    while True:
        for number, opened in enumerate(sockets):
            with contextlib.suppress(OSError):
                opened.send(frame(number))
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(sys.argv[1:])
