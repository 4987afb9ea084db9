"""What the stage tells the probe: one JSON file, named by an environment variable."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "CELERY_HARNESS_PROBE"


@dataclass(frozen=True, slots=True)
class ProbeConfig:
    """Where the stage's own servers are, and where the probe writes.

    `databases` maps Django aliases to ``DATABASES`` entries; ``*`` stands for aliases that are not
    named, with ``{alias}`` in its strings. `allowed` lists the addresses that may be reached.
    `keeps_environment` leaves the variables that name a broker as they are: the snapshot then shows what the
    app would make of them, and connections are replaced all the same.
    """

    folder: str
    broker_url: str
    result_url: str
    cache_url: str
    mail: tuple[str, int]
    allowed: tuple[tuple[str, int], ...]
    databases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    keeps_environment: bool = False

    @property
    def events(self) -> Path:
        """The file to which all processes append events."""
        return Path(self.folder) / "events.jsonl"

    @property
    def orders(self) -> Path:
        """What bodies are to do: one file for each task id or glob."""
        return Path(self.folder) / "orders"

    @property
    def files(self) -> Path:
        """The app's own files as far as the interlock moves them."""
        return Path(self.folder) / "files"

    def write(self, path: Path) -> None:
        """Write the file that `read` reads."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def read(path: str | None = None) -> ProbeConfig:
    """The configuration that the environment names."""
    document = json.loads(Path(path or os.environ[VARIABLE]).read_text(encoding="utf-8"))
    document["mail"] = (document["mail"][0], int(document["mail"][1]))
    document["allowed"] = tuple((host, int(port)) for host, port in document["allowed"])
    return ProbeConfig(**document)
