"""Runs a command's own entry point in a process of its own.

A fork of this one saves the second that each start of Python with all these imports takes.
"""

import os
import sys
import tempfile


def forked(main):
    """The exit code of what `main` returns, what it printed and what it complained of."""
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as complaint:
        child = os.fork()
        if child == 0:
            os.dup2(printed.fileno(), 1)
            os.dup2(complaint.fileno(), 2)
            status = 70
            try:
                status = main()
            finally:
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                os._exit(status or 0)
        _, status = os.waitpid(child, 0)
        for stream in (printed, complaint):
            stream.seek(0)
        return os.waitstatus_to_exitcode(status), printed.read(), complaint.read()
