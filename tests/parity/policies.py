"""Whether the rules of ferric let whom Ironic's let: policies.py

The checked-in snapshot of the test `persona_by_rule` says of each rule whom it lets. Ironic's own rules are asked by
oslo.policy, for the same callers about the same objects; and once more with a file of policies that changes rules, which the
test `persona_by_rule_with_a_file` has read too. A rule that lets others, or that only one of both has, stands with its reason
in docs/access.md. Exit: 0 if all of them do, and nothing else, 1 if not.
"""

import pathlib
import re
import sys

from ironic.common import context, policy
from ironic.conf import CONF

TOP = pathlib.Path(__file__).parent.parent.parent
TESTS = TOP / "control-plane" / "src" / "api" / "access" / "tests"
SNAPSHOT = TESTS / "snapshots" / "ferric__api__access__tests__matrix__persona_by_rule.snap"
WITH_FILE = SNAPSHOT.with_stem(SNAPSHOT.stem + "_with_a_file")
FILE = TESTS / "policy.yaml"
PAGE = TOP / "docs" / "access.md"
HEADING = "## Rules that Ironic has otherwise"
OWN = "ferric:"

# As Keystone gives them: each with those that it implies.
ROLES = {
    "A": ["admin", "manager", "member", "reader"],
    "G": ["manager", "member", "reader"],
    "M": ["member", "reader"],
    "R": ["reader"],
    "S": ["service"],
}
# A role that only the file knows.
ROLES_WITH_FILE = ROLES | {"O": ["operator"]}
SYSTEM = {"system_scope": "all"}
OURS = {"project_id": "project-ours", "project_name": "ours"}
SERVICES = {"project_id": "s", "project_name": "service"}
# Of each column of the snapshot: what the token is for, owner and lessee of the object, and whether services have more.
COLUMNS = {
    "system": (SYSTEM, "project-ours", None, False),
    "owner": (OURS, "project-ours", None, False),
    "lessee": (OURS, None, "project-ours", False),
    "other": (OURS, "another", None, False),
    "services": (SERVICES, "project-ours", None, False),
    "elevated": (SERVICES, "project-ours", None, True),
}


def of_ferric(snapshot):
    """From the name of each rule to whom it lets: a text as `AGMRS AGM.. ..... ..... ..... .....`."""
    head, *lines = snapshot.read_text().split("\n---\n", 1)[1].splitlines()
    if head.split()[1:] != list(COLUMNS):
        sys.exit(f"policies: {snapshot.name} has the columns {head.split()[1:]}, not {list(COLUMNS)}")
    return {name: " ".join(lets) for name, *lets in (line.split() for line in lines if line)}


def of_ironic(roles, file=None):
    """The same of Ironic's rules, with or without a file of policies."""
    # Rules are registered, and the file is read, once for each enforcer.
    policy._ENFORCER = None
    policy.init_enforcer(policy_file=str(file) if file else None)
    names = [rule.name for rule in policy.list_policies()]
    return {name: " ".join(column(name, roles, *about) for about in COLUMNS.values()) for name in names}


def column(rule, personas, scope, owner, lessee, elevated):
    """The letters of the roles in this scope that the rule lets."""
    CONF.set_override("rbac_service_role_elevated_access", elevated)
    letters = ""
    for letter, roles in personas.items():
        caller = context.RequestContext(roles=roles, overwrite=False, **scope)
        # Ironic's controllers ask about what they know of the caller, and of the object.
        target = dict(caller.to_policy_values())
        target |= {"node.owner": owner, "node.lessee": lessee, "allocation.owner": owner, "runbook.owner": owner}
        letters += letter if policy.check(rule, target, caller) else "."
    return letters


def explained():
    """The names of the rules that the page gives a reason for: in back quotes, before the colon of a line of the list."""
    section = PAGE.read_text().partition(HEADING + "\n")[2].partition("\n## ")[0]
    names = set()
    for item in re.split(r"^- ", section, flags=re.MULTILINE)[1:]:
        names |= set(re.findall(r"`([^`]+)`", re.split(r":\s", item, maxsplit=1)[0]))
    return names


def complaints(ferric, ironic, reasons):
    """A sentence for each difference without a reason, and for each reason without a difference."""
    found, different = [], set()
    for name in sorted(set(ferric) | set(ironic)):
        mine, yours = ironic.get(name), ferric.get(name)
        if mine == yours or name.startswith(OWN) and mine is None:
            continue
        different.add(name)
        if name not in reasons:
            found.append(f"{name}: Ironic lets {mine or 'nobody, as it has no such rule'}, ferric {yours or 'has no such rule'}")
    return found + [f"docs/access.md explains {name}, which is the same in both" for name in sorted(reasons - different)]


def compare(title, ferric, ironic):
    """Prints what differs without a reason; whether anything does, or nothing was compared."""
    found = [f"{title}: {complaint}" for complaint in complaints(ferric, ironic, explained())]
    print(*found, sep="\n", end="\n" if found else "")
    both = [name for name in ferric if name in ironic]
    same = sum(ferric[name] == ironic[name] for name in both)
    print(f"{title}: {len(ferric)} of ferric, {len(ironic)} of Ironic; in both: {len(both)}, and the same in {same}")
    return bool(found) or not both


def main():
    CONF([], project="ironic", default_config_files=[], default_config_dirs=[])
    own = compare("rules", of_ferric(SNAPSHOT), of_ironic(ROLES))
    changed = compare("rules with a file", of_ferric(WITH_FILE), of_ironic(ROLES_WITH_FILE, FILE))
    sys.exit(1 if own or changed else 0)


if __name__ == "__main__":
    main()
