"""Dead letters on local disk, for as long as the database is away; each worker files those of its host."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 10.0

_next_look = 0.0


def write(values: dict[str, Any]) -> None:
    """Write one letter so that it survives a crash; a letter that is there already is left as it is."""
    folder = settings.DEAD_LETTER_SPOOL_DIR
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (hashlib.sha256(values["task_id"].encode()).hexdigest() + ".json")
    if path.exists():
        return
    draft = path.with_suffix(f".{os.getpid()}")
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(values, stream)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def file_all() -> int:
    """File every spooled letter; returns how many. Stops at the first that still cannot be filed."""
    from core import dead_letters  # which spools through this module

    filed = 0
    for path in sorted(settings.DEAD_LETTER_SPOOL_DIR.glob("*.json")):
        try:
            dead_letters.file_and_close(dead_letters.Letter(**json.loads(path.read_text(encoding="utf-8"))))
        except FileNotFoundError:
            continue  # another worker of this host was faster
        path.unlink(missing_ok=True)
        filed += 1
    return filed


def file_all_now_and_then() -> None:
    """`file_all`, at most once in a while, and without raising: called by a worker's heartbeat."""
    global _next_look  # noqa: PLW0603 - one clock a process
    if time.monotonic() < _next_look:
        return
    _next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS
    try:
        file_all()
    except Exception:
        logger.warning("spooled dead letters still cannot be filed", exc_info=True)
