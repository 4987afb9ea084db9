"""Which installed package, other than Celery, reads a setting."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

THIRD_PARTY = re.compile(
    r"(redbeat|flower|beat_dburi|beat_schema|beat_engine|once|singleton|email_(task|chunk|backend))"
)
"""Settings of redbeat, Flower, sqlalchemy schedulers, celery-once, celery-singleton, django-celery-email."""

_CELERY = frozenset({"celery", "kombu", "billiard", "vine", "amqp", "harness", "pytest_celery"})


def owner(written: str, name: str) -> str | None:
    """The installed package that reads a setting: a known one, or one whose source names it."""
    if THIRD_PARTY.match(name.lower()):
        return "a package for Celery"
    quoted = rf"['\"](?:{re.escape(written)}|{re.escape(name)})['\"]"
    attribute = rf"(?:settings|conf)\.(?:{re.escape(written)}|{re.escape(name)})\b"
    wanted = re.compile(f"{quoted}|{attribute}")
    for package, text in _installed():
        if wanted.search(text):
            return f"package {package}"
    return None


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    """The source of loaded installed modules that have to do with Celery, but are not Celery."""
    found = []
    for name, module in sorted(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or "")
        if name.partition(".")[0] in _CELERY or path.suffix != ".py" or not _is_installed(path):
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if "celery" in text.lower():
            found.append((name.partition(".")[0], text))
    return tuple(found)


def _is_installed(path: Path) -> bool:
    return bool({"site-packages", "dist-packages"} & set(path.parts))
