"""From a bare machine (Linux, Python 3.11 and pip) to a verdict: ``python3 quickstart.py``.

Without arguments: makes ``.venv``, installs the project into it, and verifies `myhours` and the
configuration as documented. ``python3 quickstart.py test [pytest arguments]`` runs the tests.
Standard library only, since nothing is installed yet.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(__file__).resolve().parent
ENVIRONMENT = HOME / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
HARNESS = ENVIRONMENT / "bin" / "celery-harness"
PINS = HOME / "requirements.lock"
EXPECTED = {"myhours.celery:app": (0, "keeps its promises"), "myhours.documented:app": (1, "does not")}
"""Exit status of each app: the one to copy, and the configuration as one finds it documented."""


def main(arguments: list[str]) -> int:
    """Install what is missing, then run what was asked for; returns the exit status."""
    if sys.version_info < (3, 11):
        print(f"celery-harness needs Python 3.11; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    if arguments[:1] == ["test"]:
        return install("myhours,test") or subprocess.call([PYTHON, "-m", "pytest", *arguments[1:]], cwd=HOME)
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    return install("myhours,simulated") or show()


def install(extras: str) -> int:
    """A virtual environment with the project in it; does nothing where that is done already."""
    stamp = ENVIRONMENT / f"installed-{extras}"
    sources = [HOME / "pyproject.toml", PINS, *(HOME / "harness" / "warp").glob("*.[ch]")]
    if stamp.exists() and stamp.stat().st_mtime >= max(path.stat().st_mtime for path in sources):
        return 0
    if importlib.util.find_spec("pip") is None:
        print("celery-harness installs itself with pip; get it: apt-get install python3-pip", file=sys.stderr)
        return 2
    print(f"Installing into {ENVIRONMENT.name} ...", flush=True)
    if not PYTHON.exists():
        # Debian's python3 has venv without ensurepip; pip can install into an environment that has none.
        subprocess.check_call([sys.executable, "-m", "venv", "--without-pip", ENVIRONMENT])
    pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--constraint", str(PINS), "--editable", f"{HOME}[{extras}]"]
    failed = subprocess.call(pip)
    if not failed:
        stamp.touch()
    return failed


def show() -> int:
    """Verify both configurations and say whether each came out as it should."""
    environment = {**os.environ, "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    lines = []
    for app, (status, meaning) in EXPECTED.items():
        command = ["celery-harness", "verify", "-A", app, "--workdir", "myhours"]
        print(f"\n$ {' '.join(command)}\n", flush=True)
        began_s = time.monotonic()
        got = subprocess.call([HARNESS, *command[1:]], cwd=HOME, env=environment)
        if got not in (0, 1, 3):
            return got
        took = f"exit status {got}, {time.monotonic() - began_s:.0f} s"
        lines.append((got == status, f"{app} {meaning if got == status else 'came out otherwise'}: {took}"))
    print("", *(line for _, line in lines), sep="\n")
    print("Next, your own app: .venv/bin/celery-harness verify -A proj.celery:app --workdir /your/project")
    return 0 if all(agreed for agreed, _ in lines) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
