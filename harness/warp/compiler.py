"""Compile the preloaded library; standard library only, as the build hook loads this file by its path."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
MACHINES = ("x86_64", "aarch64")
_FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-sanitize=undefined", "-s")
_ZIG_TARGET = "{machine}-linux-gnu.2.17"
_COMPILE_LIMIT_S = 180


def host_machine() -> str | None:
    """``x86_64`` or ``aarch64`` with glibc; None elsewhere: the library knows no other system calls, and
    what it puts itself before is glibc's.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return None
    said = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(said, said)
    return machine if machine in MACHINES else None


def file_name(machine: str) -> str:
    """The library's name beside the module and in the cache."""
    return f"libsimtime-{machine}.so"


def _inputs() -> list[Path]:
    return sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")])


def digest() -> str:
    """Of all sources: a library made of others has another page, and is not used."""
    total = hashlib.sha256()
    for path in _inputs():
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:20]


@cache
def native_compiler() -> str | None:
    """The C compiler of this machine that works: ``$CC``, ``cc``, ``gcc`` or ``clang``."""
    wanted = os.environ.get("CC", "").split(" ")[0]
    candidates = [shutil.which(name) for name in (wanted, "cc", "gcc", "clang") if name]
    return next((found for found in candidates if found and _works(found)), None)


def _works(compiler: str) -> bool:
    """A compiler without libc's headers is none."""
    try:
        done = subprocess.run(
            [compiler, "-x", "c", "-fsyntax-only", "-"],
            input=b"#include <stdlib.h>\n#include <linux/futex.h>\n",
            capture_output=True,
            timeout=_COMPILE_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def has_zig() -> bool:
    """Whether the ``ziglang`` wheel is installed, a C compiler for every target."""
    return importlib.util.find_spec("ziglang") is not None


def compiler_for(machine: str, *, portable: bool = False) -> list[str] | None:
    """The command that compiles for a machine, or None.

    `portable` prefers ziglang, which links against glibc 2.17 (manylinux2014); the machine's own compiler
    makes a library for the machine's own glibc and newer.
    """
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", _ZIG_TARGET.format(machine=machine)]
    if portable and has_zig():
        return zig
    if machine == host_machine() and (native := native_compiler()):
        return [native]
    if cross := shutil.which(f"{machine}-linux-gnu-gcc"):
        return [cross]
    return zig if has_zig() else None


def is_portable(machine: str) -> bool:
    """Whether a portable compilation for the machine runs on every Linux with glibc 2.17 or newer."""
    command = compiler_for(machine, portable=True)
    return command is not None and "ziglang" in command


def compile_library(machine: str, target: Path, *, portable: bool = False) -> None:
    """Write the library for a machine to `target`, at once or not at all.

    Raises `OSError` where no compiler fits, `subprocess.SubprocessError` where it fails.
    """
    command = compiler_for(machine, portable=portable)
    if command is None:
        raise OSError(f"no C compiler for {machine}")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    sources = [str(path) for path in _inputs() if path.suffix == ".c"]
    digest_flag = f'-DSIMTIME_DIGEST="{digest()}"'
    try:
        subprocess.run(
            [*command, *_FLAGS, digest_flag, "-o", str(unfinished), *sources, "-ldl", "-pthread"],
            check=True,
            capture_output=True,
            timeout=_COMPILE_LIMIT_S,
        )
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
