"""Tells diskimage-builder, in shell syntax, where and how this machine gets its Debian packages.

apt itself is asked (`indextargets`, `config dump`), so both formats of source files, proxies and overrides count as
they do for apt. Only what Debian signed as its own (`Origin: Debian`) is taken: an image holds no third-party source.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

FIELDS = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(CREATED_BY)"

# Paths of programs and certificates of this machine mean nothing inside a chroot.
BUILD_SETTINGS = re.compile(
    r"^Acquire::(https?::(?!.*(Auto-Detect|CaInfo|CaPath|Ssl)).+|Check-Valid-Until|Check-Date|Retries|ForceIPv[46]) "
)


def run(*command: str) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def plain_uri(uri: str) -> str:
    """The first mirror of a mirror list, which only apt could read."""
    if not uri.startswith("mirror+file:"):
        return uri
    mirror_list = Path("/" + uri.removeprefix("mirror+file:").strip("/"))
    for line in mirror_list.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            return line.split()[0]
    raise SystemExit(f"the mirror list {mirror_list} is empty")


def debian_sources(release: str) -> dict[tuple[str, str], list[str]]:
    """Components by (URI, suite), of the release itself, its updates and its security fixes."""
    suites = (release, f"{release}-updates", f"{release}-security")
    sources: dict[tuple[str, str], list[str]] = {}
    for line in run("apt-get", "indextargets", "--format", FIELDS):
        uri, suite, component, origin, created_by = line.split("|")
        if origin != "Debian" or created_by != "Packages" or suite not in suites:
            continue
        components = sources.setdefault((plain_uri(uri), suite), [])
        if component not in components:
            components.append(component)
    if not any(suite == release for _, suite in sources):
        raise SystemExit(f"apt knows no Debian source of {release}: run apt-get update, or see /etc/apt/sources.list.d")
    return sources


def build_settings() -> str:
    lines = [line for line in run("apt-config", "dump") if BUILD_SETTINGS.match(line)]
    return "\n".join(["Acquire::Retries \"5\";", *lines, ""])


def proxies() -> dict[str, str]:
    """Proxies that only apt was told of, for debootstrap, which reads them from the environment."""
    found = {}
    for scheme in ("http", "https"):
        for line in run("apt-config", "shell", "PROXY", f"Acquire::{scheme}::Proxy"):
            value = shlex.split(line.partition("=")[2])[0]
            if value not in ("", "DIRECT", "false"):
                found[f"{scheme}_proxy"] = value
    return found


def main() -> None:
    release, settings_file = sys.argv[1:]
    sources = debian_sources(release)
    Path(settings_file).write_text(build_settings())
    lines = [f"ferric{i}:deb {uri} {suite} {' '.join(components)}"
             for i, ((uri, suite), components) in enumerate(sources.items())]
    mirror = next(uri for uri, suite in sources if suite == release)
    variables = {"DIB_APT_SOURCES_CONF": "\n".join(lines), "DIB_DISTRIBUTION_MIRROR": mirror.rstrip("/"), **proxies()}
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


main()
