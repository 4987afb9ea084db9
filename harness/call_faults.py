"""Faults of single calls in chosen processes: a page of rules that the preloaded library looks at.

Files by path, names by host, and a wall clock that is off (``harness/warp/calls.c``). Chosen over FUSE and
over ``strace -e inject``: it needs no privilege and no device, works the same on processes and in containers,
also on files that are open, slows nothing down while there is no rule, and a process that is to die at a call
dies in it. What it does not see: files that C code writes through stdio, and programs that libc does not
load.
"""

from __future__ import annotations

import errno
import mmap
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.errors import StageError, UsageError
from harness.warp import library

VARIABLE = "CELERY_HARNESS_CALLS"
CALLS = {"open": 1, "read": 2, "write": 4, "fsync": 8, "rename": 16, "resolve": 32, "clock": 64}
ACTIONS = {"error": 0, "slow": 1, "short": 2, "kill": 3, "kill_after": 4}
RESOLVER_ERRORS = {"EAI_AGAIN": -3, "EAI_FAIL": -4, "EAI_NONAME": -2}
"""What ``getaddrinfo(3)`` answers, by the numbers of glibc's ``netdb.h``."""
_MAGIC, _COUNT = 0x31534C4C, 32
_HEAD = struct.Struct("<qq")
_RULE = struct.Struct("<qqqqqqqqq256s1024s56s")
_NUMBER = struct.Struct("<q")
_STRUCK_AT = 8 * _NUMBER.size


class CallFaults:
    """The rules of one stage, in a file that its processes have mapped; see `harness.stage.Calls`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "calls"
        self.files = folder / "files"
        size = _HEAD.size + _COUNT * _RULE.size
        with self.path.open("x+b") as file:
            file.truncate(size)
            self._page = mmap.mmap(file.fileno(), size)
        _HEAD.pack_into(self._page, 0, _MAGIC, 0)

    def close(self) -> None:
        """Unmap the page; processes that have it keep their mapping."""
        self._page.close()

    @contextmanager
    def rule(
        self, *, fault: str, call: str, action: str, roles: Sequence[str], path: str = "*", error: str = "",
        amount: int = 0, nth: int = 1, times: int = 0,
    ) -> Iterator[None]:  # fmt: skip
        """Strike at calls of these roles, from the `nth` on, `times` times (0: as long as the context
        lasts).
        """
        if library.find() is None:
            raise StageError("Calls cannot be struck on this machine.", remedy=library.why_missing())
        chosen = ",".join(roles).encode()
        pattern = (path if path.startswith("/") or call == "resolve" else f"{self.files}/{path}").encode()
        if len(chosen) > 255 or len(pattern) > 1023:
            raise UsageError("That is too long.", remedy="255 bytes of names, 1,023 bytes of path.")
        place = self._free()
        record = (
            0, _calls(call), ACTIONS[action], _number(error), amount, _positive(nth), times, 0, 0,
            chosen, pattern, fault.encode(),
        )  # fmt: skip
        _RULE.pack_into(self._page, place, *record)
        self._arm(place, 1)
        try:
            yield
        finally:
            self._arm(place, 0)

    def struck(self) -> int:
        """How often the rules that hold now have struck."""
        held = [at for at in self._places() if self._read(at)]
        return sum(self._read(at + _STRUCK_AT) for at in held)

    def _arm(self, place: int, on: int) -> None:
        _NUMBER.pack_into(self._page, place, on)
        _NUMBER.pack_into(self._page, _NUMBER.size, sum(self._read(at) for at in self._places()))

    def _places(self) -> Sequence[int]:
        return range(_HEAD.size, _HEAD.size + _COUNT * _RULE.size, _RULE.size)

    def _read(self, at: int) -> int:
        return int(_NUMBER.unpack_from(self._page, at)[0])

    def _free(self) -> int:
        for at in self._places():
            if not self._read(at):
                return at
        raise UsageError(f"More than {_COUNT} faults of calls at once.", remedy="Heal some first.")


def _calls(names: str) -> int:
    try:
        return sum(CALLS[name] for name in names.split("|"))
    except KeyError as unknown:
        known = "open, read, write, fsync or rename"
        raise UsageError(
            f"There is no call {unknown}.", remedy=f"Give {known}; several with | between."
        ) from None


def _number(error: str) -> int:
    if not error:
        return 0
    found = RESOLVER_ERRORS.get(error) or getattr(errno, error, None)
    if not isinstance(found, int):
        raise UsageError(f"There is no error {error!r}.", remedy="Names are those of errno(3), such as EIO.")
    return found


def _positive(nth: int) -> int:
    if nth < 1:
        raise UsageError(f"There is no call {nth}.", remedy="Calls are counted from 1.")
    return nth
