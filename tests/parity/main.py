"""Sends the same requests to Ironic and to ferric, and tells where the answers differ.

Exit: 0 if they are equal but for the differences that are meant, 1 if not, 64 for bad usage.
"""

import argparse
import collections
import json
import pathlib
import signal
import sys
import tempfile
import time

import corpus
from clear import clear
from compare import differences, short
from exchange import Peer
from expected import Expected, Wrong
from servers import Failed, Ferric, Ironic
from states import restore, wait


class Run:
    """One run of the corpus."""

    def __init__(self, ironic, ferric, expected, keep_all):
        self.peers = (Peer(ironic), Peer(ferric))
        self.expected = expected
        self.keep_all = keep_all
        self.counts = collections.defaultdict(collections.Counter)
        self.by_line = collections.Counter()
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
        self.counts[group.name][outcome] += 1
        if open_ and (outcome == "unexpected" or self.keep_all):
            tell(group.name, step, open_)

    def state(self, group, step):
        """What both must come to; a server that does not is an unexpected difference, or pending."""
        for peer in self.peers:
            problem = wait(peer, step) if isinstance(step, corpus.Wait | corpus.Contains) else restore(peer, step)
            if problem is None:
                continue
            outcome = "pending" if self.expected.is_pending(group, step) else "unexpected"
            self.counts[group.name][outcome] += 1
            if outcome == "unexpected" or self.keep_all:
                tell(group.name, f"{peer.name}: {problem}", [])

    def total(self, outcome):
        """How many requests ended so."""
        return sum(counts[outcome] for counts in self.counts.values())


def tell(name, step, found):
    """A request whose answers differ, as soon as it is known."""
    print(f"{name}: {step}")
    if isinstance(step, corpus.Step) and step.body is not None:
        body = step.body if isinstance(step.body, bytes) else json.dumps(step.body)
        print(f"    sent {short(str(body), 300)}")
    for difference in found[:12]:
        print(f"    {difference}")
    if len(found) > 12:
        print(f"    and {len(found) - 12} more")
    sys.stdout.flush()


def report(run, took_s):
    """The counts."""
    print(f"\n{'group':<24} {'equal':>7} {'expected':>9} {'pending':>8} {'unexpected':>11}")
    for name, counts in run.counts.items():
        print(f"{name:<24} {counts['equal']:>7} {counts['expected']:>9} {counts['pending']:>8} {counts['unexpected']:>11}")
    requests = sum(sum(counts.values()) for counts in run.counts.values())
    print("\nexpected, by line of docs/compatibility.md:")
    for line, count in sorted(run.by_line.items()):
        print(f"  {count:>5}  {line}")
    print(
        f"requests: {requests}; equal: {run.total('equal')}; expected: {run.total('expected')}; "
        f"pending: {run.total('pending')}; unexpected: {run.total('unexpected')}; {took_s:.0f} s",
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ferric", type=pathlib.Path, help="the program to compare with Ironic; default: Ironic itself, which shows "
                        "whether the comparison is sound")
    parser.add_argument("--list", action="store_true", help="say which requests there are, and send none")
    parser.add_argument("--pending", action="store_true", help="show the differences of what is not served yet, too")
    parser.add_argument("group", nargs="*", help="only these groups")
    return parser.parse_args()


def compare(options, expected):
    """Starts both servers, runs the corpus and reports. Returns whether there was nothing unexpected."""
    groups = corpus.groups(options.group)
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        other = Ferric(folder, options.ferric) if options.ferric else Ironic(folder, "itself")
        with Ironic(folder, "ironic") as ironic, other as ferric:
            run = Run(ironic, ferric, expected, options.pending)
            started = time.monotonic()
            for group in groups:
                run.group(group)
                print(f"{group.name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            report(run, time.monotonic() - started)
    stale = [] if options.group else expected.stale()
    for complaint in stale:
        print(f"stale: {complaint}")
    return run.total("unexpected") == 0 and not stale


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
