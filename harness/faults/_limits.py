"""Limits of processes (``prlimit(2)``), for all of a worker and given back at the end."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from harness.stage import Worker


@contextmanager
def limited(workers: Sequence[Worker], which: int, soft: Callable[[int], int]) -> Iterator[None]:
    """Lower the soft limit of each process to what `soft` says of it; those that it starts inherit it.

    Only what the hard limit allows, so whoever owns the processes may do it, without a privilege.
    """
    usual = resource.prlimit(workers[0].pid, which)[0] if workers else resource.RLIM_INFINITY
    try:
        for pid in _processes(workers):
            with suppress(ProcessLookupError):
                resource.prlimit(pid, which, (soft(pid), resource.prlimit(pid, which)[1]))
        yield
    finally:
        for pid in _processes(workers):
            with suppress(ProcessLookupError):
                resource.prlimit(pid, which, (usual, resource.prlimit(pid, which)[1]))


def _processes(workers: Sequence[Worker]) -> list[int]:
    return [pid for worker in workers for pid in worker.processes()]
