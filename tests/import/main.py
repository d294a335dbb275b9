"""Imports a cloud of a running Ironic into ferric, in every way that there is, and compares every GET of both afterwards.

main.py FERRIC. Exit: 0 if all is the same, 1 if not.
"""

import json
import pathlib
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "parity"))

from cloud import MOVING, Cloud  # noqa: E402
from databases import PASSWORD, QUOTED, MariaDb, Postgres, Sqlite  # noqa: E402
from peer import Peer  # noqa: E402
from sameness import differences  # noqa: E402
from servers import Ferric, Ironic  # noqa: E402

DONE, WRONG, FAILED = 0, 65, 70
MASK = "******"


class Ready:
    """A server that is ready as soon as it is there."""

    def __enter__(self):
        server = super().__enter__()
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return server


class OwnFerric(Ready, Ferric):
    """A ferric with a state of its own."""


class SmallPages(Ready, Ironic):
    """An Ironic that answers a few objects at a time, so that there are pages, and does nothing by itself."""

    def config(self):
        small = super().config().replace("[api]\n", "[api]\nmax_limit = 7\n")
        # A look at the machines in the middle of a comparison would change what is compared.
        return small + "\n[conductor]\nsync_power_state_interval = 0\n"


class Check:
    """The checks, one after the other, each against a ferric of its own."""

    def __init__(self, folder, program):
        self.folder = pathlib.Path(folder)
        self.program = pathlib.Path(program).resolve()
        self.failed = 0

    def is_true(self, what, holds, detail=""):
        """Tells of one thing that must hold."""
        self.failed += not holds
        print(f"{'ok' if holds else 'FAILED'}: {what}" + ("" if holds else f"\n{detail}"), flush=True)

    def ferric(self, *arguments, exit_code=DONE):
        """Runs the program; its lines of JSON."""
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=300, check=False)
        self.is_true(f"ferric {' '.join(map(str, arguments[:2]))} ends with {exit_code}", done.returncode == exit_code,
                     f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}")
        return done

    def imported(self, server, *arguments, exit_code=DONE):
        """What `ferric import` says of each record, and its summary."""
        done = self.ferric("import", "--json", "--url", server.url, *arguments, exit_code=exit_code)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[:-1], lines[-1]["counts"] if lines else {}

    def same(self, what, one, other, ignore=frozenset()):
        """Compares two servers."""
        found, compared = differences(one, other, ignore)
        self.is_true(f"{what}: {compared} GETs are equal", not found, "\n".join(found[:40]))

    def server(self, name):
        """A ferric with a state of its own."""
        folder = self.folder / name
        folder.mkdir()
        return OwnFerric(folder, self.program)


def outcomes(results):
    """The set of what became of the records."""
    return {result["outcome"] for result in results}


def with_database(check, cloud, ironic, source):
    """The usual way: everything at once, and again."""
    with check.server("one") as server:
        ferric = Peer(server.url)
        results, _ = check.imported(server, *source, "--database", cloud.database.url)
        check.is_true("every record is new", outcomes(results) == {"created"}, [r for r in results if r["outcome"] != "created"][:5])
        check.same("after the import", ironic, ferric)
        again, _ = check.imported(server, *source, "--database", cloud.database.url)
        check.is_true("again, every record is there", outcomes(again) == {"present"}, [r for r in again if r["outcome"] != "present"][:5])
        check.is_true("again, as many", len(again) == len(results))
        check.same("after the second import", ironic, ferric)
        secrets(check, cloud, server)
        through_a_file(check, server, ferric)
        conflict(check, server, ferric, source, cloud)


def secrets(check, cloud, server):
    """What the database has is stored, to the letter, and an export for others has asterisks."""
    path = check.folder / "secret.jsonl"
    check.ferric("export", "--url", server.url, "--with-secrets", "--output", path)
    check.is_true("the file is its owner's only", stat.S_IMODE(path.stat().st_mode) == 0o600)
    are_those(check, cloud, path)
    nodes = {node["uuid"]: node for node in records(path, "node")}
    columns = ("provision_state", "target_provision_state", "instance_uuid")
    states = {uuid: tuple(node.get(column) for column in columns) for uuid, node in nodes.items()}
    check.is_true("every state is that of the database", states == cloud.states(), unlike(states, cloud.states()))
    check.is_true("asterisks are nowhere", MASK not in path.read_text())
    shown = check.folder / "shown.jsonl"
    check.ferric("export", "--url", server.url, "--output", shown)
    text = shown.read_text()
    check.is_true("without the option there are no secrets", MASK in text and "secret of" not in text and "inside" not in text)


def are_those(check, cloud, path):
    """Whether an export has every secret as it stands in Ironic's database."""
    for kind, fields, expected in (
        ("node", ("driver_info", "instance_info"), cloud.secrets()),
        ("volume_target", ("properties",), cloud.volume_secrets()),
    ):
        stored = {record["uuid"]: tuple(record[field] for field in fields) for record in records(path, kind)}
        check.is_true(f"every secret of a {kind} is that of the database", expected and stored == expected, unlike(stored, expected))
    # They differ only in that Ironic shows one of them.
    rules = {rule["sensitive"]: [(part["op"], part["args"]) for field in ("conditions", "actions") for part in rule[field] or []]
             for rule in records(path, "inspection_rule")}
    check.is_true("the sensitive rule is whole", rules[True] and rules[True] == rules[False], rules)


def unlike(one, other):
    """A few entries in which two dicts differ."""
    return [(key, one.get(key), other.get(key)) for key in one.keys() | other.keys() if one.get(key) != other.get(key)][:3]


def other_ways(check, cloud, source):
    """By a socket and by TLS it is the same database."""
    for number, (what, url) in enumerate(cloud.database.ways.items()):
        path = check.folder / f"way-{number}.jsonl"
        check.ferric("export", *source, "--database", url, "--output", path)
        print(f"by {what}:", flush=True)
        are_those(check, cloud, path)


def astray(check, cloud, source):
    """A database that cannot be read is told of, without its password, and nothing is written."""
    with check.server("none") as server:
        for what, (url, said) in cloud.database.astray.items():
            done = check.ferric("import", "--url", server.url, *source, "--database", url, exit_code=FAILED)
            check.is_true(f"{what} is told of", said in done.stderr, done.stderr)
            check.is_true("without the password", QUOTED not in done.stderr and PASSWORD not in done.stderr, done.stderr)
        ferric = Peer(server.url)
        there = [ferric.all(path, key) for path, key in (("/v1/nodes", "nodes"), ("/v1/chassis", "chassis"), ("/v1/runbooks", "runbooks"))]
        check.is_true("nothing is written", there == [[], [], []], there)


def records(path, kind):
    """The documents of a kind in an export."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["document"] for line in lines if line.get("kind") == kind]


def through_a_file(check, server, ferric):
    """An export with secrets makes the same ferric, even when a first attempt broke off in the middle."""
    path, torn = check.folder / "secret.jsonl", check.folder / "torn.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    torn.write_text("".join(lines[: len(lines) // 2]))
    with check.server("two") as other:
        first, _ = check.imported(other, torn)
        whole, counts = check.imported(other, path)
        check.is_true("what came before is there", [r["outcome"] for r in whole[: len(first)]] == ["present"] * len(first))
        check.is_true("the rest is new", outcomes(whole[len(first):]) == {"created"}, counts)
        check.same("by way of a file", ferric, Peer(other.url))


def conflict(check, server, ferric, source, cloud):
    """A node that is another one by now is told of and left alone; what needs no secret goes on."""
    ferric.ask("PATCH", "/v1/nodes/manageable-0", [{"op": "replace", "path": "/extra", "value": {"mine": 1}}])
    results, _ = check.imported(server, *source, "--database", cloud.database.url, exit_code=WRONG)
    refused = [result for result in results if result["outcome"] == "refused"]
    check.is_true("a changed node is refused alone", len(refused) == 1 and "extra" in refused[0]["error_message"], refused)
    kept = ferric.ask("GET", "/v1/nodes/manageable-0")
    check.is_true("and is left as it is", kept["extra"] == {"mine": 1})


def without_secrets(check, cloud, ironic, source):
    """Nodes without their secrets are kept in maintenance until these come."""
    with check.server("three") as server:
        ferric = Peer(server.url)
        results, _ = check.imported(server, *source, exit_code=WRONG)
        nodes = [result for result in results if result["kind"] == "node"]
        missing = {"driver_info/fake_password", "driver_info/nested/auth_token", "driver_info/kernel_append_params", "driver_info/urls"}
        check.is_true("every node says what it lacks", all(missing <= set(node.get("missing", [])) for node in nodes), nodes[:2])
        shown = ferric.all("/v1/nodes/detail?include_children=true", "nodes")
        held = [node["maintenance"] and "imported without" in node["maintenance_reason"] for node in shown]
        check.is_true("and is in maintenance for that", all(held) and len(held) == len(nodes))
        rules = [r for r in results if r["outcome"] == "refused" and r["kind"] not in ("inspection_rule", "volume_target")]
        check.is_true("only a sensitive rule and volumes with passwords are refused", not rules, rules[:3])
        path = check.folder / "lacking.jsonl"
        check.ferric("export", "--url", server.url, "--with-secrets", "--output", path)
        check.is_true("no asterisk is stored", MASK not in path.read_text())
        check.is_true("no password is made up", all("fake_password" not in node["driver_info"] for node in records(path, "node")))
        completed, _ = check.imported(server, *source, "--secrets", secrets_file(check, cloud))
        check.is_true("with its secrets a node is completed",
                      {r["outcome"] for r in completed if r["kind"] == "node"} == {"completed"}, completed[:3])
        check.same("after that", ironic, ferric)


def secrets_file(check, cloud):
    """As the documented query of sqlite3 writes it."""
    queries = [
        "SELECT json_object('uuid', uuid, 'driver_info', json(driver_info), 'instance_info', json(instance_info)) FROM nodes",
        "SELECT json_object('uuid', uuid, 'properties', json(properties)) FROM volume_targets",
        "SELECT json_object('uuid', uuid, 'conditions', json(conditions), 'actions', json(actions)) FROM inspection_rules WHERE sensitive",
    ]
    path = check.folder / "secrets.jsonl"
    lines = [subprocess.run(["sqlite3", cloud.database.path, query], capture_output=True, text=True, check=True).stdout for query in queries]
    path.write_text("".join(lines))
    return path


def on_the_way(check, cloud, ironic, source):
    """What is on its way is refused, and with --force is where its failure leads; its ports come after it."""
    cloud.move()
    database = ("--database", cloud.database.url)
    with check.server("four") as server:
        ferric = Peer(server.url)
        results, _ = check.imported(server, *source, *database, exit_code=WRONG)
        refused = {result["uuid"]: result for result in results if result["outcome"] == "refused" and result["kind"] == "node"}
        check.is_true("exactly these are refused", refused.keys() == set(cloud.moving.values()), list(refused.values())[:3])
        check.is_true("with what to do", all("let it end" in result["error_message"] for result in refused.values()))
        check.same("all others are there", ironic, ferric, ignore=set(cloud.moving.values()))
        check.imported(server, *source, *database, "--force")
        found = {state: ferric.ask("GET", f"/v1/nodes/{node}")["provision_state"] for state, node in cloud.moving.items()}
        check.is_true("forced, they have failed", found == MOVING, found)
        check.imported(server, *source, *database, "--force")


def on_sqlite(folder, program):
    """In every way that there is."""
    check = Check(folder, program)
    with SmallPages(folder, "ironic") as server:
        ironic = Peer(server.url)
        cloud = Cloud(ironic, Sqlite(server.folder / "ironic.sqlite"))
        cloud.build()
        source = ("--from-ironic", server.url)
        with_database(check, cloud, ironic, source)
        astray(check, cloud, source)
        without_secrets(check, cloud, ironic, source)
        on_the_way(check, cloud, ironic, source)
    return check.failed


def on_a_server(folder, program, kind):
    """What the database has to do with."""
    check = Check(folder, program)
    with kind() as database, SmallPages(folder, "ironic", connection=database.url) as server:
        ironic = Peer(server.url)
        cloud = Cloud(ironic, database)
        cloud.build()
        source = ("--from-ironic", server.url)
        with_database(check, cloud, ironic, source)
        other_ways(check, cloud, source)
        astray(check, cloud, source)
    return check.failed


def main():
    """All checks, on each kind of database."""
    program, failed = sys.argv[1], 0
    with tempfile.TemporaryDirectory(prefix="import-") as folder:
        failed += on_sqlite(folder, program)
    for kind in (Postgres, MariaDb):
        print(f"Ironic on {kind.__name__}:", flush=True)
        with tempfile.TemporaryDirectory(prefix="import-") as folder:
            failed += on_a_server(folder, program, kind)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
