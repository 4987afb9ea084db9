"""Find the preloaded library: shipped in the wheel, else compiled once into the user's cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from harness.warp import compiler

_SELF_TEST_LIMIT_S = 60
# A second of virtual time passes in a microsecond, so only a bent clock ends the hour of sleep in time.
_BENT = """
import time
started = time.monotonic()
time.sleep(3600)
print(time.time() < 1.5e9, time.monotonic() - started >= 3600)
"""
_SELF_TEST = """
import ctypes, mmap, os, sys
library = ctypes.CDLL(sys.argv[1])
with open(sys.argv[2], "r+b") as file:
    file.truncate(library.harness_page_bytes())
    page = mmap.mmap(file.fileno(), 0)
address = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page)))
library.harness_page_start(address, ctypes.c_int64(10**18))
library.harness_page_move(address, ctypes.c_int64(0), ctypes.c_int64(0), ctypes.c_double(1e6))
os.environ.update(LD_PRELOAD=sys.argv[1], CELERY_HARNESS_CLOCK=sys.argv[2])
os.execv(sys.executable, [sys.executable, "-S", "-c", sys.argv[3]])
"""


@cache
def find() -> Path | None:
    """The library for this machine, proven to bend the clock of a child process; None if there is none."""
    return _search()[0]


def why_missing() -> str:
    """Why `find` gave None and the one line that helps; empty when the library is there."""
    return _search()[1]


def preload(environment: Mapping[str, str]) -> str:
    """The value of ``LD_PRELOAD`` that adds the library to what `environment` preloads; empty without one."""
    path = find()
    already = environment.get("LD_PRELOAD", "")
    if path is None or str(path) in already.replace(":", " ").split():
        return already
    return f"{path} {already}".strip()


def guard() -> dict[str, str]:
    """The environment that puts the library's `connect` in the place of libc's, the clock left as it is.

    Empty where there is no library: what C libraries connect to by themselves is not refused then.
    """
    return {"LD_PRELOAD": preload(os.environ)} if find() is not None else {}


@cache
def _search() -> tuple[Path | None, str]:
    machine = compiler.host_machine()
    if machine is None:
        return None, "Warped time needs Linux on x86-64 or arm64; use --warp off."
    shipped = compiler.SOURCES / compiler.file_name(machine)
    if _is_current(shipped):
        return _tested(shipped)
    cached = _cache_folder() / compiler.digest() / compiler.file_name(machine)
    if not _is_current(cached):
        try:
            compiler.compile_library(machine, cached)
        except subprocess.SubprocessError as error:
            return None, f"The clock library does not compile ({_first_line(error)}); use --warp off."
        except OSError as error:
            return None, f"The clock library cannot be built ({error}): apt-get install gcc libc6-dev"
    return _tested(cached)


def _first_line(error: subprocess.SubprocessError) -> str:
    said = getattr(error, "stderr", None) or b""
    lines = [line for line in said.decode(errors="replace").splitlines() if "error" in line]
    return lines[0] if lines else type(error).__name__


def _is_current(path: Path) -> bool:
    """Whether the file was made of the sources beside this module."""
    try:
        return f"simtime-digest:{compiler.digest()}".encode() in path.read_bytes()
    except OSError:
        return False


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "celery-harness"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir()) / f"celery-harness-{os.getuid()}"
    return folder


def _tested(path: Path) -> tuple[Path | None, str]:
    """The path, if a child process with the library preloaded really lives in bent time."""
    with tempfile.TemporaryDirectory(prefix="celery-harness-") as folder:
        page = Path(folder) / "clock"
        page.touch()
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("LD_PRELOAD", "CELERY_HARNESS"))
        }
        try:
            done = subprocess.run(
                [sys.executable, "-S", "-c", _SELF_TEST, str(path), str(page), _BENT],
                env=environment,
                capture_output=True,
                text=True,
                timeout=_SELF_TEST_LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return None, f"The clock library does not run here ({type(error).__name__}); use --warp off."
    if done.stdout.strip() == "True True":
        return path, ""
    lines = done.stderr.strip().splitlines() or ["the clock did not bend"]
    return None, f"The clock library does not work here ({lines[-1]}); use --warp off."
