"""The library is found, or the one line that gets it is said."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import StageError
from harness.warp import SharedClock, compiler, library

_ELF_MACHINE = {"x86_64": 62, "aarch64": 183}


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine as bare as this one can be made: nothing on the path, nothing in the cache."""
    if compiler.host_machine() is None or compiler.has_zig():
        pytest.skip("this machine has no use for a compiler, or has one as a Python package")
    if (compiler.SOURCES / compiler.file_name(compiler.host_machine() or "")).exists():
        pytest.skip("this installation ships the library")

    def forget() -> None:
        for cached in (library.find, library._search, compiler.native_compiler):
            cached.cache_clear()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    forget()
    yield
    forget()


def test_the_library_is_found_or_the_remedy_is_said() -> None:
    assert (library.find() is None) == bool(library.why_missing())


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_the_remedy_is_one_line() -> None:
    assert library.find() is None
    assert "apt-get install gcc libc6-dev" in library.why_missing()
    assert "\n" not in library.why_missing()


@pytest.mark.usefixtures("no_compiler")
def test_without_a_library_a_clock_is_a_stage_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="apt-get install gcc"):
        SharedClock.create(tmp_path / "clock")


def test_a_library_of_other_sources_is_not_used(tmp_path: Path) -> None:
    stale = tmp_path / "libsimtime-x86_64.so"
    stale.write_bytes(b"simtime-digest:0000")
    assert not library._is_current(stale)


def test_a_library_that_does_not_load_is_none(tmp_path: Path) -> None:
    broken = tmp_path / "libsimtime-x86_64.so"
    broken.write_bytes(b"not a library")
    path, why = library._tested(broken)
    assert path is None
    assert "--warp off" in why


@pytest.mark.parametrize("machine", compiler.MACHINES)
def test_each_machine_gets_its_own_elf(machine: str, tmp_path: Path) -> None:
    if compiler.compiler_for(machine, portable=True) is None:
        pytest.skip(f"no compiler for {machine}: pip install ziglang")
    target = tmp_path / compiler.file_name(machine)
    try:
        compiler.compile_library(machine, target, portable=True)
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr.decode())
    header = target.read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert struct.unpack_from("<H", header, 18) == (_ELF_MACHINE[machine],)
    assert compiler.digest().encode() in target.read_bytes()
