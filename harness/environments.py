"""Environments with other versions of some packages, laid over the one that is in use; made by uv, and kept.

An environment has what was asked for and what that needs; everything else is found where it is installed now.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from harness.errors import StageError, UsageError

WITHIN_S = 300.0
DRAWN = " \u00d7\u2570\u2500\u25b6\u2502"
"""What uv draws around its errors."""
GET_UV = "Get it: pip install 'celery-harness[upgrade]' (https://docs.astral.sh/uv/)."


def python_of(requirements: Sequence[str]) -> Path:
    """The interpreter of an environment with these requirements (``celery==5.6.3``), made if missing.

    `StageError` without uv, `UsageError` where the requirements cannot be had.
    """
    beside = Path(sys.executable).parent / "uv"
    uv = shutil.which("uv") or (str(beside) if beside.exists() else None)
    if uv is None:
        raise StageError("uv is not installed, and makes the environments of --with.", remedy=GET_UV)
    folder = home() / _key(requirements)
    python = folder / "bin" / "python"
    if python.exists():
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        made = Path(place) / "environment"
        _uv(uv, "venv", "--relocatable", "--python", sys.executable, str(made))
        _install(uv, made, requirements, Path(place))
        own = Path(next((made / "lib").glob("python*"))) / "site-packages"
        (own / "zz_celery_harness.pth").write_text(
            f"import site; site.addsitedir({_here()!r})\n", encoding="utf-8"
        )
        made.rename(folder)
    return python


def home() -> Path:
    """Where environments are kept: ``$XDG_CACHE_HOME/celery-harness/environments``."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "celery-harness" / "environments"


def installed() -> list[str]:
    """What is installed here, as constraints (``kombu==5.7.0``)."""
    found = {each.metadata["Name"].lower(): each.version for each in metadata.distributions()}
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _install(uv: str, made: Path, requirements: Sequence[str], place: Path) -> None:
    """With the versions that are installed here, as far as the requirements leave them."""
    pins = place / "installed.txt"
    asked = {_name(each) for each in requirements}
    kept = [pin for pin in installed() if _name(pin) not in asked]
    pins.write_text("\n".join(kept) + "\n", encoding="utf-8")
    words = ("pip", "install", "--python", str(made / "bin" / "python"), *requirements)
    try:
        _uv(uv, *words, "--constraints", str(pins))
    except UsageError:  # they need another version of something that is installed here
        _uv(uv, *words)


def _uv(uv: str, *words: str) -> None:
    try:
        subprocess.run(
            [uv, *words, "--quiet"], capture_output=True, text=True, check=True, timeout=WITHIN_S,
            env={key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"},
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        lines = [line.strip(DRAWN) for line in error.stderr.splitlines() if line.strip()]
        raise UsageError(
            f"uv cannot make the environment: {' '.join(lines)[:300]}", remedy="Name versions that exist."
        ) from None
    except subprocess.TimeoutExpired:
        raise StageError(
            f"uv did not end within {WITHIN_S:g} s.", remedy="Is the package index there?"
        ) from None


def _key(requirements: Sequence[str]) -> str:
    text = "\n".join(["relocatable", sys.version, _here(), *sorted(requirements), *installed()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _here() -> str:
    return sysconfig.get_path("purelib")


def _name(requirement: str) -> str:
    return requirement.partition("[")[0].partition("=")[0].strip("<>~! ").lower().replace("_", "-")
