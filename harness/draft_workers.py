"""Finds the workers that production starts, where the app's folder says it: a Procfile or a compose file."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.configuration import WorkerCommand
from harness.contract import WorkerLayout

FILES = ("Procfile", "compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
SIZE_LIMIT = 200_000

_VALUES = {"-Q": "queues", "--queues": "queues", "-c": "concurrency", "--concurrency": "concurrency",
           "-P": "pool", "--pool": "pool", "-n": "hostname", "--hostname": "hostname"}  # fmt: skip
_KEPT = ("-E", "--task-events", "-O", "--optimization", "--prefetch-multiplier", "--max-tasks-per-child")
"""Options of ``celery worker`` that change what a contract promises, and are kept as they are."""

_COMPOSE_KEYS = frozenset({
    "build", "command", "depends_on", "deploy", "entrypoint", "env_file", "environment", "healthcheck",
    "labels", "logging", "networks", "ports", "services", "volumes",
})  # fmt: skip


def found(
    folder: Path, declared: Sequence[str], concurrency: int = 1
) -> tuple[tuple[WorkerLayout, ...], str]:
    """The workers in the first file that names any, and that file's name; none where there is none.

    A worker without ``-Q`` consumes the queues `declared` (celery/app/amqp.py, `consume_from`).
    """
    for name, text in _files(folder):
        found = [_layout(list(words), own, tuple(declared), concurrency) for _, own, words in _commands(text)]
        workers = _distinct(iter(found))
        if workers:
            return workers, name
    return (), ""


def commands(folder: Path) -> tuple[WorkerCommand, ...] | None:
    """The worker commands in the first file that names any, with their lines; None where there is none."""
    for name, text in _files(folder):
        named = [
            WorkerCommand(f"{name}:{line}", words, _hostname(words)) for line, _, words in _commands(text)
        ]
        if named:
            return tuple(named)
    return None


def _hostname(words: tuple[str, ...]) -> str:
    """What ``-n`` says; empty where the command has none, and the worker is ``celery@HOST``."""
    for place, word in enumerate(words):
        if word in ("-n", "--hostname"):
            return words[place + 1] if place + 1 < len(words) else ""
        if word.startswith("--hostname=") or (word.startswith("-n") and len(word) > 2):
            return word.removeprefix("--hostname=").removeprefix("-n")
    return ""


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    for name in FILES:
        file = folder / name
        try:
            text = file.read_text(encoding="utf-8")[:SIZE_LIMIT] if file.is_file() else ""
        except (OSError, UnicodeDecodeError):
            continue
        yield name, text


def _commands(text: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Each worker command: its line, its process or service, its words after ``worker``."""
    service = ""
    for number, line in enumerate(text.splitlines(), 1):
        label = re.match(r"\s*([\w.-]+):\s*(.*)", line)
        words = _words(label[2] if label else line)
        if label and not label[2] and label[1] not in _COMPOSE_KEYS:
            service = label[1]
        if "worker" in words and any(Path(word).name == "celery" for word in words):
            own = label[1] if label and label[1] not in _COMPOSE_KEYS else service
            yield number, own, tuple(words[words.index("worker") + 1 :])


def _words(command: str) -> list[str]:
    try:
        listed = json.loads(command) if command.startswith("[") else shlex.split(command, comments=True)
    except ValueError:
        return []
    return [str(word) for word in listed] if isinstance(listed, list) else []


def _layout(words: list[str], service: str, declared: tuple[str, ...], concurrency: int) -> WorkerLayout:
    given = {"concurrency": str(concurrency), "pool": "prefork", "hostname": service, "queues": ""}
    kept: list[str] = []
    remaining = iter(words)
    for word in remaining:
        name, equals, value = word.partition("=")
        if name in _VALUES:
            given[_VALUES[name]] = value if equals else next(remaining, "")
        elif word[:2] in ("-Q", "-c", "-P", "-n") and len(word) > 2:
            given[_VALUES[word[:2]]] = word[2:]
        elif name in _KEPT:
            kept.append(word)
            if not equals and name not in ("-E", "--task-events"):
                kept.append(next(remaining, ""))
    queues = tuple(queue.strip() for queue in given["queues"].split(",") if queue.strip())
    count = (
        int(given["concurrency"]) if re.fullmatch(r"[1-9][0-9]{0,4}", given["concurrency"]) else concurrency
    )
    return WorkerLayout(
        name=re.sub(r"[^A-Za-z0-9_-]+", "-", given["hostname"].partition("@")[0]).strip("-") or "worker",
        queues=queues or declared,
        concurrency=count,
        pool=given["pool"] or "prefork",
        options=tuple(kept),
    )


def _distinct(workers: Iterator[WorkerLayout]) -> tuple[WorkerLayout, ...]:
    named: dict[str, WorkerLayout] = {}
    for worker in workers:
        name = worker.name
        number = 2
        while name in named:
            name = f"{worker.name}-{number}"
            number += 1
        named[name] = replace(worker, name=name)
    return tuple(named.values())
