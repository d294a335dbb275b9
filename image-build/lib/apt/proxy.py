"""Which proxy apt takes for an address."""

import subprocess
from collections.abc import Mapping
from urllib.parse import urlsplit

from config import Config

SCHEMES = ("http", "https")


class Proxies:
    def __init__(self, config: Config, environment: Mapping[str, str]):
        self._config = config
        self._environment = environment
        self._detected: dict[tuple[str, str], str] = {}

    def of(self, uri: str) -> str:
        """In apt's own order: set for the host, found by a helper, set for all, of the environment. Empty: none."""
        url = urlsplit(uri)
        answer = (
            self._config.of_scheme(url.scheme, f"Proxy::{url.hostname}")
            or self._detect(uri)
            or self._config.of_scheme(url.scheme, "Proxy")
            or self._environment.get(f"{url.scheme}_proxy", "")
        )
        return "" if answer in ("DIRECT", "false") else answer

    def settings(self, uris: list[str]) -> list[str]:
        """apt settings that hold for these addresses where neither the helper nor its answers are known."""
        addresses = {(url.scheme, url.hostname): uri for uri in uris if (url := urlsplit(uri)).scheme in SCHEMES}
        return [f'Acquire::{scheme}::Proxy::{host} "{self.of(uri) or "DIRECT"}";'
                for (scheme, host), uri in addresses.items()]

    def environment(self, mirror: str) -> dict[str, str]:
        """For debootstrap, which fetches from one mirror and reads nothing of apt. A redirect may change the scheme."""
        url = urlsplit(mirror)
        if url.scheme not in SCHEMES:
            return {}
        found = {f"{scheme}_proxy": self.of(url._replace(scheme=scheme).geturl()) for scheme in SCHEMES}
        direct = self._environment.get("no_proxy", "").replace(",", " ").split()
        if not found[f"{url.scheme}_proxy"]:
            direct.append(str(url.hostname))
        found["no_proxy"] = ",".join(direct)
        return {name: value for name, value in found.items() if value}

    def _detect(self, uri: str) -> str:
        """The answer of the helper, which is asked once for an address. One that fails has none, as for apt."""
        scheme = urlsplit(uri).scheme
        name = f"Acquire::{scheme}::Proxy"
        helper = self._config.get(f"{name}-Auto-Detect") or self._config.get(f"{name}AutoDetect")
        if helper and (helper, uri) not in self._detected:
            try:
                answer = subprocess.run([helper, uri], capture_output=True, text=True, timeout=60)
                lines = answer.stdout.split() if answer.returncode == 0 else []
            except (OSError, subprocess.TimeoutExpired):
                lines = []
            self._detected[helper, uri] = lines[0] if lines else ""
        return self._detected.get((helper, uri), "")
