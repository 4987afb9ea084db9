"""What this machine can run, and what gets what is missing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from harness import discovery, redis_server
from harness.warp import library


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is there or not."""

    name: str
    ok: bool
    text: str
    optional: bool = False


def examine() -> Iterator[Row]:
    """Everything that stages need."""
    yield Row("python", sys.version_info >= (3, 11), sys.version.split()[0])
    yield Row("celery", True, metadata.version("celery"))
    store = redis_server.available()
    yield Row("result and cache server", store.ok, store.version or f"{store.why}: {store.remedy}")
    for name in discovery.names("brokers"):
        kind = discovery.find("brokers", name)
        found = kind.available()  # type: ignore[attr-defined]
        yield Row(
            f"broker {name}", found.ok, found.version or f"{found.why}: {found.remedy}", name != "redis"
        )
    path = library.find()
    yield Row("warp", path is not None, str(path.name) if path else library.why_missing(), optional=True)
    for stage in discovery.names("stages"):
        found = discovery.find("stages", stage).available("redis")  # type: ignore[attr-defined]
        text = discovery.summary("stages", stage) if found.ok else f"{found.why}: {found.remedy}"
        yield Row(f"stage {stage}", found.ok, text, optional=stage != "processes")
    postgres = shutil.which("initdb") or shutil.which("pg_ctl") or shutil.which("postgres")
    yield Row("postgresql", postgres is not None, postgres or "apt-get install postgresql", optional=True)
