"""Sends the same requests to Ironic and to ferric, and tells where the answers differ.

Exit: 0 if they are equal but for the differences that are meant, 1 if not, 64 for bad usage.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import queue
import signal
import sys
import tempfile
import threading
import time

import corpus
from clear import clear
from compare import differences, short
from coverage import missing
from exchange import Peer
from expected import Expected, Wrong
from servers import Failed, Ferric, Ironic
from states import reach

SHARED = pathlib.Path("/dev/shm")
# Of the whole corpus: a file that is not read any more, or steps that are skipped, do not go unnoticed.
LEAST_REQUESTS = 10_000


class Run:
    """What came of one group."""

    def __init__(self, ironic, ferric, expected, options):
        self.peers = (Peer(ironic), Peer(ferric))
        self.expected = expected
        self.keep_all = options.pending
        self.lines = options.line
        self.counts = collections.Counter()
        self.by_line = collections.Counter()
        # What is to be said of it: lines.
        self.told = []
        # Whether the request before ended alike with both.
        self.alike = True

    def group(self, group):
        """All steps of a group, on empty servers."""
        for step in group.steps:
            if isinstance(step, corpus.Step):
                self.step(group, step)
            else:
                self.state(group, step)
        for peer in self.peers:
            clear(peer)

    def step(self, group, step):
        """One request."""
        if step.follows and not self.alike:
            if step.method == "DELETE":
                # Whatever only one of them has made is not left behind.
                for peer in self.peers:
                    peer.ask(step)
            return
        answers = [(peer, peer.ask(step)) for peer in self.peers]
        found = differences(step, *answers)
        self.alike = self.alike if step.follows else answers[0][1].status == answers[1][1].status
        rules = [self.expected.covers(step, difference) for difference in found]
        open_ = [difference for difference, rule in zip(found, rules) if rule is None]
        for rule in rules:
            if rule is not None:
                self.by_line[rule.line] += 1
        if not open_ and all(rule.everywhere for rule in rules):
            outcome = "equal"
        elif not open_:
            outcome = "expected"
        elif self.expected.is_pending(group, step, open_):
            outcome = "pending"
        else:
            outcome = "unexpected"
        self.counts[outcome] += 1
        if open_ and (outcome == "unexpected" or self.keep_all):
            self.tell(group.name, step, open_)
        shown = [difference for difference, rule in zip(found, rules) if rule is not None and rule.line in self.lines]
        if shown:
            self.tell(group.name, step, shown)

    def state(self, group, step):
        """What both must come to; a server that does not is an unexpected difference, or pending."""
        for peer in self.peers:
            problem = reach(peer, step)
            if problem is None:
                continue
            outcome = "pending" if self.expected.is_pending(group, step) else "unexpected"
            self.counts[outcome] += 1
            if outcome == "unexpected" or self.keep_all:
                self.tell(group.name, f"{peer.name}: {problem}", [])

    def tell(self, name, step, found):
        """A request whose answers differ."""
        self.told.append(f"{name}: {step}")
        if isinstance(step, corpus.Step) and step.body is not None:
            body = step.body if isinstance(step.body, bytes) else json.dumps(step.body)
            self.told.append(f"    sent {short(str(body), 300)}")
        self.told += [f"    {difference}" for difference in found[:12]]
        if len(found) > 12:
            self.told.append(f"    and {len(found) - 12} more")


def report(runs, took_s):
    """The counts, from the name of each group to its run. Returns how many requests there were, and how many unexpected."""
    total, by_line = collections.Counter(), collections.Counter()
    print(f"\n{'group':<24} {'equal':>7} {'expected':>9} {'pending':>8} {'unexpected':>11}")
    for name, run in sorted(runs.items()):
        counts = run.counts
        print(f"{name:<24} {counts['equal']:>7} {counts['expected']:>9} {counts['pending']:>8} {counts['unexpected']:>11}")
        total += counts
        by_line += run.by_line
    print("\nexpected, by line of docs/compatibility.md:")
    for line, count in sorted(by_line.items()):
        print(f"  {count:>5}  {line}")
    print(
        f"requests: {sum(total.values())}; equal: {total['equal']}; expected: {total['expected']}; "
        f"pending: {total['pending']}; unexpected: {total['unexpected']}; {took_s:.0f} s",
    )
    return sum(total.values()), total["unexpected"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ferric", type=pathlib.Path, help="the program to compare with Ironic; default: Ironic itself, which shows "
                        "whether the comparison is sound")
    parser.add_argument("--list", action="store_true", help="say which requests there are, and send none")
    parser.add_argument("--pending", action="store_true", help="show the differences of what is not served yet, too")
    parser.add_argument("--line", action="append", default=[], help="show the differences of this line of docs/compatibility.md, too")
    parser.add_argument("--pairs", type=int, default=os.cpu_count() or 1, help="pairs of servers at a time; default: one a processor")
    parser.add_argument("group", nargs="*", help="only these groups")
    return parser.parse_args()


def work(pair, groups, done, expected, options):
    """One pair of servers takes group after group; what came of each, or what went wrong, goes to `done`."""
    try:
        while True:
            group = groups.get_nowait()
            started = time.monotonic()
            run = Run(*pair, expected, options)
            run.group(group)
            print(f"{group.name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            done.put((group.name, run))
    except queue.Empty:
        pass
    except BaseException as error:
        done.put((None, error))


def run_all(pairs, found, expected, options):
    """All groups on as many pairs of servers as there are; the name of each group to its run."""
    groups, done, runs = queue.Queue(), queue.Queue(), {}
    # The longest first, so that no pair waits long for the last one.
    for group in sorted(found, key=lambda group: -len(group.steps)):
        groups.put(group)
    for pair in pairs:
        # Daemons: a run that is told to end does not wait for them.
        threading.Thread(target=work, args=(pair, groups, done, expected, options), daemon=True).start()
    while len(runs) < len(found):
        name, run = done.get()
        if name is None:
            raise run
        runs[name] = run
        print(*run.told, sep="\n", end="\n" if run.told else "", flush=True)
    return runs


def compare(options, expected):
    """Starts the servers, runs the corpus and reports. Returns whether there was nothing unexpected."""
    groups = corpus.groups(options.group)
    with contextlib.ExitStack() as stack:
        # In memory where there is such a folder: nothing of it is kept, and Ironic waits for each of its writes.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="parity-", dir=SHARED if SHARED.is_dir() else None))
        pairs = []
        for number in range(max(1, min(options.pairs, len(groups)))):
            own = pathlib.Path(folder) / str(number)
            own.mkdir()
            empty = own.parent / "empty.sqlite"
            other = Ferric(own, options.ferric) if options.ferric else Ironic(own, "itself", empty)
            pairs.append((Ironic(own, "ironic", empty), other))
        start(stack, [server for pair in pairs for server in pair])
        started = time.monotonic()
        runs = run_all(pairs, groups, expected, options)
        requests, unexpected = report(runs, time.monotonic() - started)
    stale = [] if options.group else expected.stale() + missing(groups)
    if not options.group and requests < LEAST_REQUESTS:
        stale.append(f"{requests} requests were compared, not {LEAST_REQUESTS}")
    for complaint in stale:
        print(f"stale: {complaint}")
    return unexpected == 0 and not stale


def start(stack, servers):
    """All at once, as most of it is waiting for them; they end with the stack."""
    for server in servers:
        stack.enter_context(server)
    for server in servers:
        server.wait_until_ready()


def main():
    options = arguments()
    # A run that is told to end puts its servers away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(130))
    if options.list:
        for group in corpus.groups(options.group):
            for step in group.steps:
                if isinstance(step, corpus.Step):
                    print(group.name, step)
        return
    try:
        good = compare(options, Expected())
    except (Wrong, Failed) as error:
        sys.exit(f"parity: {error}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
