"""A disk for nbdkit that says yes to zeroing and trimming, and does neither: nbdkit python ignoring_disk.py disk=FILE."""

import builtins
import os

# pylint: disable=redefined-builtin
API_VERSION = 2

settings = {}


def config(key, value):
    """Takes `disk=FILE`."""
    if key != "disk":
        raise RuntimeError(f"{key} is not known: only disk=FILE is")
    settings["disk"] = os.path.abspath(value)


def config_complete():
    """Without a file there is no disk."""
    if "disk" not in settings:
        raise RuntimeError("disk=FILE is missing")


def open(_readonly):
    """One handle a connection."""
    return builtins.open(settings["disk"], "r+b", buffering=0)


def get_size(handle):
    """In bytes."""
    return os.fstat(handle.fileno()).st_size


def pread(handle, buffer, offset, _flags):
    """Reads are honest."""
    if os.preadv(handle.fileno(), [buffer], offset) != len(buffer):
        raise RuntimeError(f"reading {len(buffer)} bytes at {offset} ends at the end of the file")


def pwrite(handle, buffer, offset, _flags):
    """So are writes."""
    if os.pwrite(handle.fileno(), buffer, offset) != len(buffer):
        raise RuntimeError(f"writing {len(buffer)} bytes at {offset} was cut short")


def flush(_handle, _flags):
    """The file is as safe as its reader needs it."""


def zero(_handle, _count, _offset, _flags):
    """Dropped."""


def trim(_handle, _count, _offset, _flags):
    """Dropped."""
