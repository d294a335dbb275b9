"""The sources that this machine gets a Debian release from."""

import hashlib
import subprocess
import sys
from pathlib import Path

from config import Config, run
from entry import Entry

FIELDS = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(ORIGIN)|$(CREATED_BY)|$(SOURCESENTRY)"

# Where the element ferric-apt puts the keyrings into the image while it is made.
KEYRINGS_IN_IMAGE = "/etc/apt/ferric-build"


def plain_uri(uri: str) -> str:
    """The first mirror of a mirror list, which only apt could read."""
    if not uri.startswith("mirror+file:"):
        return uri
    mirror_list = Path("/" + uri.removeprefix("mirror+file:").strip("/"))
    for line in mirror_list.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            return line.split()[0]
    raise SystemExit(f"the mirror list {mirror_list} is empty")


class Source:
    """`suite` is the code name, whatever word (`stable`) the machine calls it by: that word may move on."""

    def __init__(self, uri: str, suite: str, place: str):
        self.uri, self.suite, self.entry = uri, suite, Entry(place)
        self.components: list[str] = []
        self.keyring: Path | None = None

    def write_keyring(self, config: Config, folder: Path) -> None:
        if keys := self.entry.keyring(config):
            self.keyring = folder / f"{hashlib.sha256(keys).hexdigest()[:16]}.gpg"
            self.keyring.write_bytes(keys)

    def line(self) -> str:
        options = dict(self.entry.trust)
        keys = [f"{KEYRINGS_IN_IMAGE}/{self.keyring.name}"] if self.keyring else []
        if keys := keys + self.entry.fingerprints:
            options["signed-by"] = ",".join(keys)
        # The spaces keep a shell from taking the brackets for a pattern.
        bracket = f"[ {' '.join(f'{name}={value}' for name, value in options.items())} ] " if options else ""
        return f"deb {bracket}{self.uri} {self.suite} {' '.join(self.components)}"

    def debootstrap_options(self) -> list[str]:
        if self.entry.unsigned:
            return ["--no-check-gpg"]
        return [f"--keyring={self.keyring}"] if self.keyring else []


def listed(release: str) -> list[Source]:
    """Of the release itself, its updates and its security fixes; only what Debian made, nothing of a third party."""
    suites = (release, f"{release}-updates", f"{release}-security")
    sources: dict[tuple[str, str], Source] = {}
    for line in run("apt-get", "indextargets", "--format", FIELDS):
        uri, suite, component, origin, created_by, place = line.split("|")
        if origin != "Debian" or created_by != "Packages" or suite not in suites:
            continue
        uri = plain_uri(uri)
        source = sources.setdefault((uri, suite), Source(uri, suite, place))
        if component not in source.components:
            source.components.append(component)
    return list(sources.values()) if any(source.suite == release for source in sources.values()) else []


def debian_sources(release: str) -> list[Source]:
    if sources := listed(release):
        return sources
    # apt tells of a source only what its lists say, and a fresh machine has none yet.
    subprocess.run(["apt-get", "update"], stdout=sys.stderr)
    if sources := listed(release):
        return sources
    raise SystemExit(f"apt knows no Debian source of {release}, not even after apt-get update")
