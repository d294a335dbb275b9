"""An entry of a file of apt sources, in either format: what apt does not tell of it, namely whom it trusts."""

import re
from pathlib import Path

from config import Config
from keyring import binary, combined

# How far an entry is trusted, apart from the keys.
TRUST = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure", "check-valid-until", "check-date")
TRUE = ("yes", "true", "with", "on", "enable", "1")


def stanza(text: str, number: int) -> dict[str, str]:
    """Fields of the stanza with this number, which counts from 1; comments make no stanza."""
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    stanzas = [part for part in re.split(r"\n[ \t]*\n", text) if part.strip()]
    fields = re.findall(r"^([^\s:]+):[ \t]*(.*(?:\n[ \t].*)*)", stanzas[number - 1], re.MULTILINE)
    return {name.lower(): value.strip() for name, value in fields}


def one_line(text: str, number: int) -> dict[str, str]:
    match = re.match(r"\s*deb(?:-src)?\s+\[([^\]]*)\]", text.splitlines()[number - 1])
    options = (word.partition("=") for word in (match[1].split() if match else []))
    return {name.lower(): value for name, _, value in options}


class Entry:
    def __init__(self, place: str):
        """`place` is apt's: the file and the number of a line or of a stanza in it."""
        file, _, number = place.rpartition(":")
        read = stanza if file.endswith(".sources") else one_line
        options = read(Path(file).read_text(errors="replace"), int(number))
        self._signed_by = options.get("signed-by", "")
        self.trust = {name: options[name] for name in TRUST if name in options}

    @property
    def unsigned(self) -> bool:
        return any(self.trust.get(name, "").lower() in TRUE for name in ("trusted", "allow-insecure"))

    @property
    def fingerprints(self) -> list[str]:
        return [] if self._inline else [word for word in self._words if not word.startswith("/")]

    def keyring(self, config: Config) -> bytes:
        """All keys that may sign for this entry; without files of its own those that may sign for any."""
        if self._inline:
            # An empty line of the key is written as a dot.
            return binary(re.sub(r"^[ \t]+\.?", "", self._signed_by, flags=re.MULTILINE).encode())
        files = [Path(word) for word in self._words if word.startswith("/")]
        return combined(files or trusted_by_all(config))

    @property
    def _inline(self) -> bool:
        return "BEGIN PGP" in self._signed_by

    @property
    def _words(self) -> list[str]:
        return self._signed_by.replace(",", " ").split()


def trusted_by_all(config: Config) -> list[Path]:
    parts = Path(config.folder("Dir::Etc::trustedparts"))
    files = [Path(config.folder("Dir::Etc::trusted")), *sorted(parts.glob("*.gpg")), *sorted(parts.glob("*.asc"))]
    return [file for file in files if file.is_file()]
