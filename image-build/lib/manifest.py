"""Writes target/images/manifest.json and answers whether it is still true.

    manifest.py MANIFEST ramdisk RAMDISK_DIGEST AGENT_DIGEST BASE PROFILE   describes a new ramdisk
    manifest.py MANIFEST os OS_DIGEST IMAGE                                 describes a new system image
    manifest.py MANIFEST current PART DIGEST...                             exit 0: products of these inputs are in place
    manifest.py MANIFEST sizes                                              prints a line for each product
    manifest.py MANIFEST verify                                             reads every product and compares its digests
"""

import hashlib
import json
import sys
import tomllib
from pathlib import Path

PARTS = {"ramdisk": ["ferric-agent.kernel", "ferric-agent.initramfs"], "os": ["os.qcow2"]}
CHUNK = 1 << 20


def describe(path: Path) -> dict[str, object]:
    hashes = {name: hashlib.new(name) for name in ("sha256", "sha512")}
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            for digest in hashes.values():
                digest.update(chunk)
    return {"bytes": path.stat().st_size, **{name: digest.hexdigest() for name, digest in hashes.items()}}


def agent_version() -> str:
    cargo = Path(__file__).parents[2] / "Cargo.toml"
    return tomllib.loads(cargo.read_text())["workspace"]["package"]["version"]


class Manifest:
    def __init__(self, path: Path):
        self.path = path
        try:
            self.content = json.loads(path.read_text())
        except FileNotFoundError:
            self.content = {"products": {}}

    def record(self, part: str, section: dict[str, object]) -> None:
        self.content[part] = section
        for name in PARTS[part]:
            self.content["products"][name] = describe(self.path.with_name(name))
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.content, indent=1, sort_keys=True) + "\n")
        new.replace(self.path)

    def ramdisk(self, digest: str, agent: str, base: str, profile: str) -> None:
        section = json.loads((Path(base) / "contents.json").read_text())
        section |= {"inputs": [digest, agent], "agent_version": agent_version(), "agent_sha256": agent, "agent_profile": profile}
        section["base_bytes"] = (Path(base) / "base.initramfs").stat().st_size
        self.record("ramdisk", section)

    def os(self, digest: str, image: str) -> None:
        self.record("os", json.loads((Path(image) / "contents.json").read_text()) | {"inputs": [digest]})

    def current(self, part: str, *inputs: str) -> None:
        """Sizes stand for contents here: a build that has nothing to do takes no time to find that out."""
        if self.content.get(part, {}).get("inputs") != list(inputs):
            raise SystemExit(1)
        for name in PARTS[part]:
            product = self.path.with_name(name)
            if not product.exists() or product.stat().st_size != self.content["products"][name]["bytes"]:
                raise SystemExit(1)

    def sizes(self) -> None:
        products = self.content["products"]
        for name, product in products.items():
            print(f"{name:24}{product['bytes'] / 2**20:8.1f} MiB")
        if "ramdisk" in self.content:
            total = sum(products[name]["bytes"] for name in PARTS["ramdisk"])
            print(f"{'kernel + initramfs':24}{total / 2**20:8.1f} MiB (unpacked base "
                  f"{self.content['ramdisk']['unpacked_bytes'] / 2**20:.1f} MiB)")

    def verify(self) -> None:
        for name, product in self.content["products"].items():
            if describe(self.path.with_name(name)) != product:
                raise SystemExit(f"{name} is not what the manifest says")


def main() -> None:
    manifest, command = Manifest(Path(sys.argv[1])), sys.argv[2]
    getattr(manifest, command)(*sys.argv[3:])


main()
