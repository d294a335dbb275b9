"""apt's configuration, asked of apt itself: all its files, formats and overrides count as they do for apt."""

import subprocess


def run(*command: str) -> list[str]:
    """The lines that a command prints."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or [f"exit status {result.returncode}"])[-1]
        raise SystemExit(f"{command[0]} {command[1]} failed: {reason}")
    return result.stdout.splitlines()


class Config:
    def __init__(self) -> None:
        lines = run("apt-config", "dump", "--format", "%f=%v%n")
        self.options = [(name, value) for name, _, value in (line.partition("=") for line in lines) if value]
        # apt does not tell `CAInfo` from `CaInfo`.
        self._values = {name.lower(): value for name, value in self.options}

    def get(self, name: str) -> str:
        return self._values.get(name.lower(), "")

    def of_scheme(self, scheme: str, option: str) -> str:
        """An option of http or https. https takes http's where it has none of its own."""
        return self.get(f"Acquire::{scheme}::{option}") or self.get(f"Acquire::http::{option}")

    def of_host(self, scheme: str, host: str, option: str) -> str:
        return self.of_scheme(scheme, f"{host}::{option}") or self.of_scheme(scheme, option)

    def folder(self, name: str) -> str:
        """A path that apt puts together from several options."""
        return run("apt-config", "shell", "FOLDER", f"{name}/f")[0].partition("=")[2].strip("'")
