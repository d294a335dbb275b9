"""A machine that Ironic's own conductor takes through its life with ferric-agent in the ramdisk.

main.py --testbed PROGRAM --images FOLDER --labs FOLDER [--only PART]. Exit: 0 if all passed, 1 if not; the logs of what failed are kept.
"""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "parity"))

import servers  # noqa: E402
import story  # noqa: E402
from conductor import Conductor  # noqa: E402
from lab import Lab  # noqa: E402
from waiting import Failed  # noqa: E402

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Report:
    """One line for each thing that is shown."""

    def __init__(self):
        self.passed = self.failed = 0
        self.began = time.monotonic()

    def is_true(self, what, holds, detail=""):
        """Tells of one thing that must hold; what does not is no reason to stop."""
        self.passed += bool(holds)
        self.failed += not holds
        after = round(time.monotonic() - self.began)
        print(f"{'ok' if holds else 'FAILED'}: {what} (at {after} s)" + ("" if holds else f"\n{detail}"), flush=True)


def arguments():
    """What the script is called with."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--testbed", "--images", "--labs"):
        parser.add_argument(option, type=pathlib.Path, required=True)
    parser.add_argument("--only", choices=story.PARTS, help="only this part")
    return parser.parse_args()


def interrupted(number, _frame):
    """Ends the script in order, with all that it started; a second signal does not disturb that."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def run(asked, folder, report):
    """The lab, the conductor in it, and what they are to show."""
    with Lab(folder, asked.testbed.resolve(), asked.images.resolve()) as lab, Conductor(folder, lab) as conductor:
        try:
            lab.wait_until_ready()
            conductor.wait_until_ready()
            story.tell(lab, conductor, report, [asked.only] if asked.only else story.PARTS)
        except (Failed, servers.Failed) as error:
            report.is_true("the story goes on", False, f"{error}\n{lab.tails()}\n{conductor.tail()}")


def main():
    """Keeps the folder of what failed."""
    asked = arguments()
    for each in SIGNALS:
        signal.signal(each, interrupted)
    asked.labs.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ironic-peers-", dir=asked.labs.resolve()))
    report = Report()
    try:
        run(asked, folder, report)
    finally:
        if report.passed and not report.failed:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs: {folder}")
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed or not report.passed else 0)


main()
