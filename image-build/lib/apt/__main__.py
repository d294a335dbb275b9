"""Tells diskimage-builder and debootstrap where and how this machine gets its Debian packages.

    python3 lib/apt RELEASE FOLDER

FOLDER gets: `environment` to be read by a shell, `apt.conf`, `ca.crt` and `*.gpg` for apt inside the image (see the
element ferric-apt), and `wgetrc` for debootstrap's wget.
"""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from config import Config
from proxy import Proxies
from sources import KEYRINGS_IN_IMAGE, Source, debian_sources

BUILD_SETTINGS = re.compile(r"Acquire::(https?::.+|Check-Valid-Until|Check-Date|Retries|ForceIPv[46])", re.IGNORECASE)
# Paths of programs and certificates of this machine mean nothing inside a chroot.
PATHS = re.compile(r"Proxy-?Auto-?Detect|Ca(Info|Path)|CrlFile|Ssl(Cert|Key)", re.IGNORECASE)
CERTIFICATES = re.compile(r"Acquire::https?::(.+::)?CaInfo", re.IGNORECASE)
FALSE = ("no", "false", "without", "off", "disable", "0")
SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def certificates(config: Config, environment: Mapping[str, str]) -> bytes:
    """The machine's bundle and, behind it, those that only apt was told of."""
    bundle = environment.get("SSL_CERT_FILE") or environment.get("CURL_CA_BUNDLE") or SYSTEM_CERTIFICATES
    files = dict.fromkeys([bundle, *(value for name, value in config.options if CERTIFICATES.fullmatch(name))])
    try:
        return b"".join(Path(file).read_bytes().rstrip(b"\n") + b"\n" for file in files)
    except OSError as error:
        raise SystemExit(f"the certificates {error.filename} cannot be read: {error.strerror}") from error


def build_settings(config: Config, proxies: Proxies, sources: list[Source]) -> str:
    lines = [f'{name} "{value}";' for name, value in config.options
             if BUILD_SETTINGS.fullmatch(name) and not PATHS.fullmatch(name.rpartition("::")[2])]
    lines += proxies.settings([source.uri for source in sources])
    lines.append(f'Acquire::https::CaInfo "{KEYRINGS_IN_IMAGE}/ca.crt";')
    return "\n".join(['Acquire::Retries "5";', *lines, ""])


def wgetrc(config: Config, mirror: str, bundle: Path, environment: Mapping[str, str]) -> str:
    """What the user tells wget comes last and counts more."""
    lines = [f"ca_certificate = {bundle}"]
    url = urlsplit(mirror)
    if config.of_host("https", str(url.hostname), "Verify-Peer").lower() in FALSE:
        lines.append("check_certificate = off")
    own = Path(environment.get("WGETRC") or Path(environment.get("HOME", "/")) / ".wgetrc")
    return "\n".join([*lines, own.read_text() if own.is_file() else ""])


def main() -> None:
    release, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(exist_ok=True)
    config = Config()
    proxies = Proxies(config, os.environ)
    sources = debian_sources(release)
    for source in sources:
        source.write_keyring(config, folder)
    mirror = next(source for source in sources if source.suite == release)
    (folder / "apt.conf").write_text(build_settings(config, proxies, sources))
    (folder / "ca.crt").write_bytes(certificates(config, os.environ))
    (folder / "wgetrc").write_text(wgetrc(config, mirror.uri, folder / "ca.crt", os.environ))
    variables = {
        "DIB_APT_SOURCES_CONF": "\n".join(f"ferric{i}:{source.line()}" for i, source in enumerate(sources)),
        "DIB_DISTRIBUTION_MIRROR": mirror.uri.rstrip("/"),
        "DIB_DEBOOTSTRAP_EXTRA_ARGS": " ".join(mirror.debootstrap_options()),
        "WGETRC": str(folder / "wgetrc"),
        **proxies.environment(mirror.uri),
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    (folder / "environment").write_text("".join(lines))


main()
