"""The build hook: the clock library goes into the wheel where it can be compiled, and no build fails without.

``CELERY_HARNESS_ALL_TARGETS=1`` puts x86-64 and arm64 into one wheel; ``CELERY_HARNESS_PURE=1`` puts none.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WARP = Path(__file__).resolve().parent / "harness" / "warp"


def _compiler() -> ModuleType:
    """``harness/warp/compiler.py`` by its path: the package itself needs Celery, which a build has not."""
    spec = importlib.util.spec_from_file_location("celery_harness_compiler", _WARP / "compiler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _machines(compiler: ModuleType) -> tuple[str, ...]:
    host = compiler.host_machine()
    if host is None or os.environ.get("CELERY_HARNESS_PURE") == "1":
        return ()
    return compiler.MACHINES if os.environ.get("CELERY_HARNESS_ALL_TARGETS") == "1" else (host,)


class ClockLibraryHook(BuildHookInterface):
    """Compiles `harness/warp/*.c` and sets the wheel's tag to what is inside."""

    def dependencies(self) -> list[str]:
        """The ziglang wheel is a compiler for a machine that has only pip, or for both targets."""
        compiler = _compiler()
        lacking = [m for m in _machines(compiler) if compiler.compiler_for(m) is None]
        return ["ziglang>=0.13"] if lacking else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        compiler = _compiler()
        if version == "editable":
            self._prepare_editable(compiler)
            return
        folder = Path(self._temporary.name)
        built = [m for m in _machines(compiler) if self._compile(compiler, m, folder / compiler.file_name(m))]
        if not built:
            return
        for machine in built:
            name = compiler.file_name(machine)
            build_data["force_include"][str(folder / name)] = f"harness/warp/{name}"
        system = "manylinux_2_17" if all(compiler.is_portable(m) for m in built) else "linux"
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + ".".join(f"{system}_{machine}" for machine in built)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        self._temporary.cleanup()

    @property
    def _temporary(self) -> tempfile.TemporaryDirectory[str]:
        if not hasattr(self, "_folder"):
            self._folder = tempfile.TemporaryDirectory(prefix="celery-harness-build-")
        return self._folder

    def _prepare_editable(self, compiler: ModuleType) -> None:
        """With a C compiler the library is compiled when it is first wanted, and again after each change."""
        for machine in _machines(compiler):
            if compiler.native_compiler() is None:
                self._compile(compiler, machine, _WARP / compiler.file_name(machine))

    def _compile(self, compiler: ModuleType, machine: str, target: Path) -> bool:
        try:
            compiler.compile_library(machine, target, portable=True)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or b""
            print(f"celery-harness: no clock library for {machine}: {error}", file=sys.stderr)
            print(said.decode(errors="replace")[-2000:], file=sys.stderr)
            return False
        return True
