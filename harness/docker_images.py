"""What stands for images, networks and volumes where containers are processes (`harness.docker_stand_in`)."""

from __future__ import annotations

import json
import re
import shlex
import signal
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from string import Template
from typing import Any

from harness.errors import UsageError

CELERY = re.compile(r"(?<![\w-])celery(?:\[[^]]*\])?==v?(\w[\w.]*)")
"""A version of Celery that ``pip install`` is asked for."""
IF_SET = re.compile(r"\$\{(\w+):\+([^}]*)\}")
"""``${NAME:+text}``: the text where the variable is not empty."""


@dataclass(frozen=True, slots=True)
class Image:
    """What containers are made of: a name, and what a Dockerfile says about running it."""

    id: str
    command: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/app"
    celery: str = ""
    """The version that is installed into it, where that is another than the one that is here."""

    @property
    def role(self) -> str:
        """``redis``, ``rabbitmq``, ``memcached``, or ``worker`` for everything else."""
        name = self.id.rpartition("/")[2]
        known = {"redis": "redis", "valkey": "redis", "rabbitmq": "rabbitmq", "memcached": "memcached"}
        return next((role for start, role in known.items() if name.startswith(start)), "worker")


class Images:
    """Nothing is pulled or built: an image is what its name or its Dockerfile says."""

    def __init__(self) -> None:
        self.known: dict[str, Image] = {}

    def pull(self, repository: str, **_: Any) -> Image:
        """By its name."""
        return self.get(repository)

    def get(self, name: str) -> Image:
        """By its name."""
        return self.known.setdefault(name, Image(name))

    def build(self, **given: Any) -> tuple[Image, Sequence[Any]]:
        """Read the Dockerfile; what it installs has to be installed here."""
        folder = Path(given.get("path") or ".")
        path = folder / (given.get("dockerfile") or "Dockerfile")
        image = read_dockerfile(path, given.get("buildargs") or {})
        self.known[image.id] = image
        if tag := given.get("tag"):
            self.known[str(tag)] = image
        return image, ()

    def remove(self, *_: Any, **__: Any) -> None:
        """There is nothing to remove."""


def read_dockerfile(path: Path, arguments: Mapping[str, str | None]) -> Image:
    """ARG, ENV, WORKDIR, CMD and ENTRYPOINT, and which Celery RUN installs; the rest is this machine's."""
    try:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    except OSError as error:
        remedy = "Look at the build(...) of the suite."
        raise UsageError(f"There is no Dockerfile: {error}.", remedy=remedy) from error
    scope, variables, workdir, celery = dict[str, str](), dict[str, str](), "/", ""
    words: dict[str, tuple[str, ...]] = {"ENTRYPOINT": (), "CMD": ()}
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "ARG":
            name, _, default = rest.partition("=")
            scope[name.strip()] = str(arguments.get(name.strip()) or default.strip().strip('"'))
        elif word == "ENV":
            several = [each.partition("=")[::2] for each in shlex.split(rest)]
            for name, value in several if "=" in rest else [rest.split(None, 1)]:
                variables[name] = scope[name] = Template(value).safe_substitute(scope)
        elif word == "WORKDIR":
            workdir = rest.strip()
        elif word == "RUN":
            celery = _celery(rest, scope) or celery
        elif word in words:
            words[word] = _words(rest)
    return Image(uuid.uuid4().hex[:12], words["ENTRYPOINT"] + words["CMD"], variables, workdir, celery)


def _celery(command: str, scope: Mapping[str, str]) -> str:
    """The version of Celery that a command installs; empty where it is the one that is here, or none."""
    text = IF_SET.sub(lambda found: found[2] if scope.get(found[1]) else "", command)
    found = CELERY.search(Template(text).safe_substitute(scope))
    return found[1] if found and found[1] != metadata.version("celery") else ""


def _words(text: str) -> tuple[str, ...]:
    """The exec form as it is, the shell form through a shell that the command replaces."""
    with suppress(ValueError):
        return tuple(json.loads(text))
    return ("/bin/sh", "-c", f"exec {text}")


@dataclass(slots=True)
class Thing:
    """A network, which all share here, or a volume, which is a folder."""

    name: str
    path: Path | None = None

    @property
    def id(self) -> str:
        """Its name."""
        return self.name

    def remove(self, *_: Any, **__: Any) -> None:
        """It goes with the session's folder."""


class Things:
    """The networks, or the volumes, of a session."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.known: dict[str, Thing] = {}

    def create(self, name: str, **_: Any) -> Thing:
        """A new one."""
        path = None if self.folder is None else self.folder / name
        if path is not None:
            path.mkdir(parents=True, exist_ok=True)
        return self.known.setdefault(name, Thing(name, path))

    def get(self, name: str) -> Thing:
        """One by its name."""
        return self.known[name]


def program(words: list[str], python: Path) -> list[str]:
    """A command with an environment's Python and Celery in it."""
    own = {"python": str(python), "python3": str(python), "celery": str(python.parent / "celery")}
    return [own.get(words[0], words[0]), *words[1:]] if words else []


def signal_number(given: str | int) -> int:
    """Of a name or a number."""
    if isinstance(given, int) or given.isdigit():
        return int(given)
    return int(signal.Signals[given if given.startswith("SIG") else f"SIG{given}"])
