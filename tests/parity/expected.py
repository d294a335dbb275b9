"""The differences that are meant: rules in `differences.toml`, each with its line in docs/compatibility.md.

A rule names what it covers by regular expressions, all of which must match: `method`, `path`, `where` (the place of the
difference), `ironic` and `ferric` (what stands there), and by `versions = [lowest, highest]`. `line` is the name at the start
of a line of the page: "- `name`: ...". What is of every answer (`everywhere = true`) leaves answers equal.
"""

import pathlib
import re
import tomllib

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "compatibility.md"
NAMED_LINE = re.compile(r"^- `([a-z0-9-]+)`: ", re.MULTILINE)
KEYS = {"everywhere", "line", "method", "path", "where", "ironic", "ferric", "versions"}


class Wrong(Exception):
    """A list or a page that cannot be right."""


class Rule:
    """One kind of difference that is meant."""

    def __init__(self, entry):
        unknown = set(entry) - KEYS
        if unknown or not {"line", "where"} <= set(entry):
            raise Wrong(f"differences.toml: {entry}: needs line and where, may have {sorted(KEYS)}")
        self.entry = entry
        self.line = entry["line"]
        self.everywhere = entry.get("everywhere", False)
        self.used = 0

    def covers(self, step, difference):
        """Whether it speaks of this difference."""
        texts = {
            "method": step.method,
            "path": step.path,
            "where": difference.where,
            "ironic": text(difference.ironic),
            "ferric": text(difference.ferric),
        }
        for key, found in texts.items():
            pattern = self.entry.get(key)
            if pattern is not None and not re.search(pattern, found):
                return False
        lowest, highest = self.entry.get("versions", (0, 1000))
        return lowest <= (step.version or 1) <= highest


def text(value):
    """What a pattern is matched against."""
    return value if isinstance(value, str) else repr(value)


class Pending:
    """What ferric does not serve yet: requests of a `group`, of a `path`, or a place (`where`) in the answers of a path."""

    def __init__(self, entry):
        if not entry or set(entry) - {"group", "path", "where"}:
            raise Wrong(f"differences.toml: {entry}: something pending has group, path or where")
        self.entry = entry
        self.used = 0

    def covers(self, group, path, place):
        """Whether a difference at this place is of it."""
        texts = {"group": group, "path": path, "where": place}
        return all(re.search(pattern, texts[key]) for key, pattern in self.entry.items())


class Expected:
    """All rules, and what is not served yet."""

    def __init__(self, page=PAGE):
        found = tomllib.loads((HERE / "differences.toml").read_text())
        self.pending = [Pending(entry) for entry in found.get("pending", [])]
        self.rules = [Rule(entry) for entry in found.get("difference", [])]
        self.lines = set(NAMED_LINE.findall(page.read_text() if page.exists() else ""))
        missing = sorted({rule.line for rule in self.rules} - self.lines)
        if missing:
            raise Wrong(f"docs/compatibility.md has no line for {', '.join(missing)}")

    def is_pending(self, group, step, differences=()):
        """Whether all of this is of what ferric does not serve yet."""
        places = [difference.where for difference in differences] or [""]
        found = [next((one for one in self.pending if one.covers(group.name, step.path, place)), None) for place in places]
        for one in found:
            if one is not None:
                one.used += 1
        return None not in found

    def covers(self, step, difference):
        """The first rule that speaks of this difference, or `None`."""
        for rule in self.rules:
            if rule.covers(step, difference):
                rule.used += 1
                return rule
        return None

    def stale(self):
        """Rules that nothing needed, and named lines of the page that no rule stands behind."""
        unused = [f"pending, and without a difference: {one.entry}" for one in self.pending if not one.used]
        unused += [f"rule without a difference: {rule.entry}" for rule in self.rules if not rule.used]
        named = {rule.line for rule in self.rules}
        return unused + [f"line of docs/compatibility.md without a rule: {line}" for line in sorted(self.lines - named)]
