"""A simulating process that has imported Celery and nothing of an app: copies of it become those of worlds.

Importing takes most of the time in which a world is opened. Standard input is a socket: each request is one
line of JSON with three descriptors, the copy's standard input, output and error; the answer is one line with
the pid, or with why a copy would not be what a new process is.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

LOADED = (
    "billiard.dummy", "billiard.pool", "celery.apps.beat", "celery.apps.worker", "celery.backends.redis",
    "celery.bin.celery", "celery.contrib.abortable", "celery.contrib.migrate", "celery.events.state",
    "celery.worker.autoscale", "celery.worker.consumer", "celery.worker.control", "celery.worker.loops",
    "celery.worker.strategy", "kombu.transport.native_delayed_delivery", "kombu.transport.redis",
)  # fmt: skip
"""What every simulated worker imports."""
READ_EARLY = (
    "AMQP", "AUTOSCALE_", "CELERY_BENCH", "CELERY_CUSTOM_WORKER_POOL", "CELERY_LOADER", "CELERY_RDB",
    "CELERY_TRACE_APP", "C_", "EVENTLET", "FORKED_BY_", "GEVENT", "HOME", "ITERM", "KOMBU", "LANG", "LC_",
    "LOG_", "MP_LOG", "NOSETPS", "PATH", "PYTHON", "REDIS", "TERM", "TIMER_DEBUG", "TZ", "USE_FAST_LOCALS",
    "VIRTUAL_ENV",
)  # fmt: skip
"""How variables begin that Python, Celery, kombu and redis-py read when they are imported
(`celery/worker/state.py`, `celery/_state.py`, `kombu/log.py`)."""
PIECE_BYTES = 2**16


def early(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a copy can no longer be given."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(READ_EARLY) or name.endswith("_WORKER_POOL")
    }


def shadows(workdir: Path) -> str:
    """A module in the app's folder by the name of one that is loaded from elsewhere; empty where none is."""
    try:
        names = {entry.stem for entry in workdir.iterdir() if entry.is_dir() or entry.suffix == ".py"}
    except OSError:
        return str(workdir)
    for name in sorted(names & set(sys.modules)):
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if not Path(origin).is_relative_to(workdir):
            return name
    return ""


def load() -> None:
    """Import it, in every simulating process: what draws randomness as it is imported does so before."""
    for name in LOADED:
        with suppress(ModuleNotFoundError):  # older versions have not all of them
            importlib.import_module(name)


def serve() -> None:
    """Answer requests until the socket ends, then end; returns in each copy."""
    gc.disable()  # as a new process begins (`harness.simulation.server`)
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for copies
    while True:
        line, descriptors, _, _ = socket.recv_fds(requests, PIECE_BYTES, 3)
        while not line.endswith(b"\n"):
            piece = requests.recv(PIECE_BYTES)
            if not piece:
                os._exit(0)
            line += piece
        asked = json.loads(line)
        name = shadows(Path(asked["workdir"]))
        pid = 0 if name else os.fork()
        if pid == 0 and not name:
            requests.close()
            _become(asked, descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        requests.sendall(json.dumps({"pid": pid, "shadowed": name}).encode() + b"\n")


def _become(asked: Mapping[str, Any], descriptors: list[int]) -> None:
    """What a new process would be: a session, a folder, an environment and streams of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(asked["workdir"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    tempfile.tempdir = None
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.path[0] = str(Path.cwd())  # as `python -m` has it
