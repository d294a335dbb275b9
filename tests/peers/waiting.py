"""Waiting for what must come to hold."""

import time

INTERVAL_S = 0.5


class Failed(Exception):
    """What was waited for does not happen."""


def until(what, patience_s, look):
    """The first true answer of `look`, which is asked again and again."""
    deadline = time.monotonic() + patience_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"waited {patience_s} s in vain for {what}")
        time.sleep(INTERVAL_S)
