"""What the deployment guide says to type runs: workers, beat and Flower, on either broker."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.history import Event
from harness.plugin import OpenWorld, Target
from scenarios.document.bench import INTENDED, Bench

WATCH = "core.tasks.watch_dead_letters"
LEASE_S = 60.0
SCHEDULE_S = 300.0
OWN = "what the guide says to type runs as a process of its own"


@pytest.fixture(scope="module")
def project(pytestconfig: pytest.Config) -> Path:
    """The folder of the project."""
    return pytestconfig.rootpath / "myhours"


@pytest.fixture(scope="module")
def procfile(project: Path) -> dict[str, str]:
    """The command of each process, by its name."""
    lines = (project / "Procfile").read_text(encoding="utf-8").splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


@pytest.fixture(scope="module")
def deployment(open_world: OpenWorld, myhours_target: Target) -> Iterator[Bench]:
    """A stage with one worker of its own; the rest is started as the guide says."""
    few = tuple(each for each in myhours_target.contract.workers if each.name == "normal")
    contract = replace(myhours_target.contract, workers=few)
    target = replace(myhours_target, contract=contract)
    environment = {"FLOWER_UNAUTHENTICATED_API": "true", "CELERY_WORKER_MAX_TASKS_PER_CHILD": "3"}
    with open_world(target, environment=environment) as world:
        yield Bench(world, INTENDED, world.settings.broker)


def test_guide_procfile_and_compose_file_say_the_same(project: Path, procfile: dict[str, str]) -> None:
    """One command for each process, with the same words in all three places."""
    guide = " ".join((project / "DEPLOYMENT.md").read_text(encoding="utf-8").split())
    compose = (project / "compose.yaml").read_text(encoding="utf-8")
    assert sorted(procfile) == ["background", "beat", "critical", "flower", "high", "low", "normal"]
    for command in procfile.values():
        assert command in guide
        assert f"python -m {command}" in compose


def test_images_are_pinned(project: Path) -> None:
    """To a whole version: what is pulled tomorrow is what ran today."""
    images = re.findall(r"image: (\S+)", (project / "compose.yaml").read_text(encoding="utf-8"))
    assert len(images) == 5
    assert not [image for image in images if not re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", image)]


@pytest.mark.harness_stage("processes", why=OWN)
def test_workers_of_the_guide_are_told_apart_and_flower_sees_them(
    deployment: Bench, procfile: dict[str, str]
) -> None:
    """Five node names, each queue consumed; Flower's own answer names all of them."""
    tiers = [name for name in procfile if name not in {"beat", "flower"}]
    port = deployment.world.launcher.free_port()
    with ExitStack() as stack:
        for name in tiers:
            stack.enter_context(started(deployment, name, procfile[name]))
        stack.enter_context(started(deployment, "flower", procfile["flower"].replace("5555", str(port))))
        assert deployment.wait(lambda: set(tiers) <= ready(deployment), within_s=60)
        seen: dict[str, Any] = {}

        def flower_sees_all() -> bool:
            seen.update(workers_by_flower(port))
            return len(seen) > len(tiers)

        assert deployment.wait(flower_sees_all, within_s=120), seen
    nodes = {node.partition("@")[0]: [queue["name"] for queue in found] for node, found in seen.items()}
    assert nodes == {name: [name] for name in tiers}


@pytest.mark.harness_stage("processes", why=OWN)
def test_of_two_beats_one_sends_and_the_other_takes_over(deployment: Bench, procfile: dict[str, str]) -> None:
    """The first is killed; the second waits for its lease to expire, and sends from then on."""
    files = deployment.world.folder / "files"
    place = len(deployment.world.arrived())
    with ExitStack() as stack:
        for name in ("beat-1", "beat-2"):
            stack.enter_context(started(deployment, name, f"{procfile['beat']} -s {files / name}"))
        assert deployment.wait(lambda: bool(sent_by_beat(deployment, place)), within_s=2 * SCHEDULE_S)
        deployment.passes(2)
        first = sent_by_beat(deployment, place)
        leader = first[0].source.partition(":")[0]
        deployment.world.launcher.end(int(first[0].source.rpartition(":")[2]))
        deployment.wait(
            lambda: len(sent_by_beat(deployment, place)) > len(first), within_s=2 * SCHEDULE_S + LEASE_S
        )
    sent = sent_by_beat(deployment, place)
    assert [event.source.partition(":")[0] for event in first] == [leader]
    assert [event.source.partition(":")[0] == leader for event in sent] == [True, False]


def test_a_child_is_replaced_after_as_many_tasks_as_set(deployment: Bench) -> None:
    """With `CELERY_WORKER_MAX_TASKS_PER_CHILD` at 3: no process runs a fourth task."""
    sent = [deployment.send("core.tasks.cleanup_old_logs", n, body={"stub": True}) for n in range(40, 50)]
    assert deployment.ended(*sent, within_s=120)
    runs = [int(event.get("pid")) for event in deployment.all("task-started", *sent)]
    assert max(runs.count(pid) for pid in runs) <= 3


@pytest.mark.harness_stage("processes", why=OWN)
def test_the_project_s_own_tests_pass_and_reach_no_broker(project: Path, tmp_path: Path) -> None:
    """Where the variables of the guide are set, too: these name a port on which nobody listens."""
    addresses = {
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
        "CELERY_RESULT_BACKEND": "redis://127.0.0.1:1/1",
    }
    environment = os.environ | addresses | {"DATABASE_URL": f"sqlite:///{tmp_path / 'tests.sqlite3'}"}
    command = [sys.executable, "manage.py", "test", "tests.test_celery_configuration"]
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@contextmanager
def started(bench: Bench, name: str, command: str) -> Iterator[Any]:
    """A line of the Procfile, on the stage."""
    words = shlex.split(command)
    assert words[:3] == ["celery", "-A", "myhours"]
    with bench.celery(name, *words[3:]) as process:
        yield process


def ready(bench: Bench) -> set[str]:
    """The lines whose worker consumes."""
    return {event.source.partition(":")[0] for event in bench.all("worker-ready")}


def sent_by_beat(bench: Bench, place: int) -> list[Event]:
    """What beats have sent of the task that is due most often."""
    return [event for event in bench.since(place, "task-sent", WATCH) if event.source.startswith("beat")]


def workers_by_flower(port: int) -> dict[str, Any]:
    """Node name and queues of each worker, as Flower's API has them; empty while it does not answer."""
    url = f"http://127.0.0.1:{port}/api/workers?refresh=true"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
    except OSError:
        return {}
    return {node: each.get("active_queues", []) for node, each in found.items() if each}
