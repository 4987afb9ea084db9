"""What would make a run differ from the next is noticed, and said in the record, never hidden.

Virtual are time, sleeping, randomness without a seed, process ids, signals, Redis, the broker and SMTP.
A thread, a subprocess, a real connection or the kernel's own randomness are beyond that.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from harness.probe import audit

WATCHED = {
    "subprocess.Popen": "a process was started; it runs in real time",
    "os.fork": "the process was forked; the child runs in real time",
    "os.forkpty": "the process was forked; the child runs in real time",
    "os.posix_spawn": "a process was started; it runs in real time",
    "os.system": "a process was started; it runs in real time",
    "socket.connect": "a real connection was opened",
}
DEVICES = ("/dev/random", "/dev/urandom", "/dev/hwrandom")
OWN = ("/harness/simulation/", "/harness/probe/")


class Purity:
    """Watches with an audit hook (PEP 578) for what the kernel does not know of."""

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self.report = report
        self.watching = False
        self._said: set[tuple[str, str]] = set()

    def install(self) -> None:
        """For the life of the process."""
        audit.listen((*WATCHED, "open"), self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.watching:
            return
        what = WATCHED.get(event, "")
        if event == "open" and args and args[0] in DEVICES:
            what = f"{args[0]} was read"
        if what:
            self.note(what)

    def note(self, what: str) -> None:
        """Say once for each place what the kernel does not know of."""
        where = _place()
        if self.watching and (what, where) not in self._said:
            self._said.add((what, where))
            self.report(what, where)


def _place() -> str:
    """The line of the app, else of a library, that did it."""
    frames = [
        frame
        for frame in traceback.extract_stack()[:-2]
        if not frame.filename.startswith("<") and not any(own in frame.filename for own in OWN)
    ]
    outside = [f for f in frames if "site-packages" not in f.filename and "/lib/python" not in f.filename]
    frame = next(iter([*outside[::-1], *frames[::-1]]), None)
    return f"{frame.filename}:{frame.lineno}" if frame is not None else "an unknown place"
