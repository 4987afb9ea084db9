"""From a bare machine (Python 3.11 and pip) to a verdict: ``python3 quickstart.py``.

Without arguments: makes ``.venv``, installs the project into it, and verifies `myhours` and the
configuration as documented. ``python3 quickstart.py test [pytest arguments]`` runs the tests.
Standard library only, since nothing is installed yet.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
ENVIRONMENT = HOME / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
HARNESS = ENVIRONMENT / "bin" / "celery-harness"


def main(arguments: list[str]) -> int:
    """Install what is missing, then run what was asked for; returns the exit status."""
    if sys.version_info < (3, 11):
        print("celery-harness needs Python 3.11 or newer; this is", sys.version.split()[0], file=sys.stderr)
        return 2
    if arguments[:1] == ["test"]:
        return install("myhours,test") or subprocess.call([PYTHON, "-m", "pytest", *arguments[1:]], cwd=HOME)
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    return install("myhours") or show()


def install(extras: str) -> int:
    """A virtual environment with the project in it; does nothing where that is done already."""
    stamp = ENVIRONMENT / f"installed-{extras}"
    pins = HOME / "requirements.lock"
    if stamp.exists() and stamp.stat().st_mtime >= max(p.stat().st_mtime for p in (HOME / "pyproject.toml", pins)):
        return 0
    print(f"Installing into {ENVIRONMENT.name} ...", flush=True)
    if not PYTHON.exists():
        # Debian's python3 has venv without ensurepip; pip can install into an environment that has none.
        subprocess.check_call([sys.executable, "-m", "venv", "--without-pip", ENVIRONMENT])
    command = [sys.executable, "-m", "pip", "--python", PYTHON, "install", "--quiet", "--disable-pip-version-check"]
    failed = subprocess.call([*command, "--constraint", pins, "--editable", f"{HOME}[{extras}]"])
    if not failed:
        stamp.touch()
    return failed


def show() -> int:
    """The reference project, which keeps its promises, and the documented configuration, which does not."""
    environment = {**os.environ, "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    expected = {"myhours.celery:app": 0, "myhours.documented:app": 1}
    agreed = True
    for app, status in expected.items():
        print(f"\n$ celery-harness verify -A {app} --workdir myhours\n", flush=True)
        got = subprocess.call([HARNESS, "verify", "-A", app, "--workdir", "myhours"], cwd=HOME, env=environment)
        agreed = agreed and got == status
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
