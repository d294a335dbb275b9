"""OpenPGP keyrings in the one form that all of apt, gpgv and debootstrap read: binary keys one after the other."""

import base64
import re
from pathlib import Path

ARMOR = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----(.*?)-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)


def dearmor(block: bytes) -> bytes:
    body = b""
    for line in block.splitlines():
        if line.startswith(b"="):  # the checksum, which ends the body
            break
        if b":" not in line:  # not a header such as `Version: 1`
            body += line.strip()
    return base64.b64decode(body)


def binary(data: bytes) -> bytes:
    blocks = ARMOR.findall(data)
    return b"".join(dearmor(block) for block in blocks) if blocks else data


def combined(files: list[Path]) -> bytes:
    try:
        return b"".join(binary(file.read_bytes()) for file in files)
    except OSError as error:
        raise SystemExit(f"the keyring {error.filename} cannot be read: {error.strerror}") from error
