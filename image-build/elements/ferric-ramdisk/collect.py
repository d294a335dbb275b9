"""Collects the ramdisk's files, with the libraries and kernel modules they need, into a tree of their own.

Only what the two lists name is taken; a list entry that is not there fails the build rather than the machine.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")  # links into /usr on every merged system
MOUNT_POINTS = ("dev", "media", "mnt", "proc", "root", "run", "sys", "tmp", "var/cache", "var/lib", "var/log", "var/tmp")
MODULE_INDEX = ("modules.builtin", "modules.builtin.modinfo", "modules.order")


def entries(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


class Collector:
    def __init__(self, root: Path, tree: Path):
        self.root, self.tree = root, tree
        self.taken: set[str] = set()

    def canonical(self, path: str) -> str:
        """The path with links of its folders resolved inside the root, the last component left as it is."""
        done = Path("/")
        for part in Path(path).parent.parts[1:]:
            done = done / part
            while (self.root / done.relative_to("/")).is_symlink():
                done = Path(os.path.normpath(done.parent / os.readlink(self.root / done.relative_to("/"))))
        return str(done / Path(path).name)

    def take(self, path: str) -> None:
        path = self.canonical(path)
        if path in self.taken:
            return
        self.taken.add(path)
        source, target = self.root / path[1:], self.tree / path[1:]
        if source.is_dir() and not source.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
            for child in sorted(source.iterdir()):
                self.take(f"{path}/{child.name}")
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
        if source.is_symlink():
            linked = os.path.normpath(Path(path).parent / os.readlink(source))
            if linked != "/dev/null":
                self.take(linked)

    def take_pattern(self, pattern: str) -> None:
        found = sorted(self.root.glob(pattern.strip("/")))
        found = found or ([self.root / pattern[1:]] if (self.root / pattern[1:]).is_symlink() else [])
        if not found:
            raise SystemExit(f"files.list names {pattern}, which is not in the root")
        for path in found:
            self.take("/" + str(path.relative_to(self.root)))

    def take_libraries(self) -> None:
        """The closure over shared libraries, as the root's own loader finds them."""
        programs = [path for path in sorted(self.taken) if is_elf(self.root / path[1:])]
        listing = subprocess.run(["chroot", self.root, "ldd", *programs], capture_output=True, text=True).stdout
        if "not found" in listing:
            raise SystemExit(f"a shared library is missing: {listing}")
        for path in sorted(set(re.findall(r"(/\S+) \(0x", listing))):
            self.take(path)

    def take_modules(self, names: list[str]) -> str:
        version = max((self.root / "lib/modules").iterdir()).name
        folder = self.root / "lib/modules" / version
        dependencies = {}
        for line in (folder / "modules.dep").read_text().splitlines():
            module, _, needed = line.partition(":")
            dependencies[module_name(module)] = [module, *needed.split()]
        builtin = {module_name(line) for line in (folder / "modules.builtin").read_text().splitlines()}
        for name in (name.replace("-", "_") for name in names):
            if name not in dependencies and name not in builtin:
                raise SystemExit(f"modules.list names {name}, which the kernel {version} does not have")
            for module in dependencies.get(name, []):
                self.take(f"/usr/lib/modules/{version}/{module}")
        for index in MODULE_INDEX:
            self.take(f"/usr/lib/modules/{version}/{index}")
        return version

    def packages(self) -> dict[str, str]:
        """Name and version of each package that a taken file came from."""
        query = ["dpkg-query", f"--admindir={self.root}/var/lib/dpkg", "--show", "--showformat=${binary:Package} ${Version}\\n"]
        versions = dict(line.split() for line in subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines())
        found = {}
        for name, version in versions.items():
            info = self.root / "var/lib/dpkg/info" / f"{name}.list"
            if not info.exists():
                info = info.with_name(f"{name.partition(':')[0]}.list")
            files = {self.canonical(path) for path in info.read_text().splitlines()[1:]}
            if any(path in self.taken and not (self.root / path[1:]).is_dir() for path in files):
                found[name] = version
        return found


def module_name(path: str) -> str:
    return Path(path).name.partition(".")[0].replace("-", "_")


def is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or path.suffix == ".ko":
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def finish(tree: Path, version: str) -> None:
    for link in MERGED:
        if (tree / "usr" / link).exists():
            (tree / link).symlink_to(f"usr/{link}")
    for folder in MOUNT_POINTS:
        (tree / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("tmp", "var/tmp"):
        (tree / folder).chmod(0o1777)
    (tree / "var/run").symlink_to("/run")
    (tree / "var/lock").symlink_to("/run/lock")
    (tree / "init").symlink_to("usr/sbin/init")
    (tree / "etc/machine-id").touch()
    (tree / "etc/mtab").symlink_to("/proc/self/mounts")
    (tree / "etc/resolv.conf").symlink_to("/run/systemd/resolve/resolv.conf")
    subprocess.run(["chroot", tree, "/usr/sbin/depmod", version], check=True)
    for path in (tree / "usr/lib/modules" / version).glob("modules.*"):
        if path.suffix not in (".bin", ".builtin", ".dep", ".devname", ".softdep") and ".bin" not in path.suffixes:
            path.unlink()
    subprocess.run(["/sbin/ldconfig", "-r", tree], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--root", "--lists", "--tree", "--contents"):
        parser.add_argument(option, type=Path, required=True)
    args = parser.parse_args()

    collector = Collector(args.root, args.tree)
    for pattern in entries(args.lists / "files.list"):
        collector.take_pattern(pattern)
    collector.take_libraries()
    version = collector.take_modules(" ".join(entries(args.lists / "modules.list")).split())
    finish(args.tree, version)
    unpacked = sum(path.lstat().st_size for path in args.tree.rglob("*") if path.is_file() and not path.is_symlink())
    libraries = sorted(path.name for path in (args.tree / "usr/lib/x86_64-linux-gnu").iterdir())
    contents = {"kernel_version": version, "unpacked_bytes": unpacked, "libraries": libraries, "packages": collector.packages()}
    args.contents.write_text(json.dumps(contents, indent=1, sort_keys=True) + "\n")


main()
