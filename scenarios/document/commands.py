"""Claims about commands: node names, beat, the install line, settings that are printed: 46, 48 to 50."""

from __future__ import annotations

import re
from contextlib import ExitStack
from importlib import metadata
from itertools import pairwise

from harness.history import Event
from scenarios.document.bench import Bench, Seen

GUIDE = {"critical": ("-Q", "critical", "-c", "2"), "failed": ("-Q", "failed", "-c", "1")}
"""Two of the document's commands, as they stand there."""

INTENDED = {"critical": ("-Q", "critical", "-n", "critical@%h"), "high": ("-Q", "high", "-n", "high@%h")}
"""Two of those of `myhours/DEPLOYMENT.md`."""

WATCHED_S = 900.0
"""Three times what the shortest schedule waits."""


def nodes_side_by_side(bench: Bench) -> Seen:
    """Claim 46: two of the guide's commands on one machine; every node is asked to answer."""
    before = set(bench.ask("ping")["nodes"])
    commands = GUIDE if bench.documented else INTENDED
    with ExitStack() as stack:
        for name, words in commands.items():
            stack.enter_context(bench.celery(f"guide-{name}", "worker", "--loglevel=info", *words))
        bench.wait(lambda: len(_ready(bench)) == len(commands), within_s=60)
        answer = bench.ask("ping")
    nodes = sorted(set(answer["nodes"]) - before)
    text = f"{len(commands)} commands, {len(nodes)} node name{'s' if len(nodes) > 1 else ''}"
    warned = next((line for line in answer["warned"] if "uplicate" in line), "")
    return Seen(len(nodes) == len(commands), f"{text}{': ' + warned[:90] if warned else ''}")


def periodic_tasks(bench: Bench) -> Seen:
    """Claim 48: beat runs for a quarter of an hour (two of them for myhours, of which one is to send)."""
    words = ("beat", "-l", "INFO", "-s")
    files = bench.world.folder / "files"
    place = len(bench.world.arrived())
    with bench.celery("beat", *words, str(files / "schedule")):
        if bench.documented:
            bench.passes(WATCHED_S)
            schedule = bench.ask("shell", code="app.conf.beat_schedule")
            count = len(_from_beat(bench, place))
            return Seen(
                count > 0, f"its schedule is {schedule}; {count} tasks sent in {WATCHED_S / 60:.0f} minutes"
            )
        with bench.celery("beat-2", *words, str(files / "schedule-2")):
            bench.passes(WATCHED_S)
    sent = [event.at_s for event in _from_beat(bench, place) if event.task == "core.tasks.watch_dead_letters"]
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    apart_s = min(gaps, default=0.0)
    text = f"two beats, {len(sent)} tasks in {WATCHED_S / 60:.0f} minutes, {apart_s:.0f} s apart or more"
    return Seen(len(sent) in {2, 3} and apart_s > 250, text)


def one_line_installs_it(bench: Bench) -> Seen:
    """Claim 49: everything that ``pip install celery[redis] kombu`` brings, by the packages' own metadata."""
    brought, wanted = set[str](), ["celery", "redis", "kombu"]
    while wanted:
        name = wanted.pop()
        if name in brought:
            continue
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        brought.add(name)
        wanted += [_name(each) for each in needed if "extra ==" not in each]
    missing = sorted({"django", "python-decouple"} - brought)
    return Seen(
        not missing, f"it brings {len(brought)} packages, none of them pinned, and not {', '.join(missing)}"
    )


def printed_settings(bench: Bench) -> Seen:
    """Claim 50: the document's own check of a setting, and what its tasks have instead."""
    printed = bench.ask("shell", code="app.conf.task_default_retry_delay")
    in_force = bench.ask("shell", code="app.tasks['payroll.tasks.calculate_payroll'].default_retry_delay")
    return Seen(printed == in_force, f"the check prints {printed}; the tasks have {in_force}")


def _ready(bench: Bench) -> list[Event]:
    return [e for e in bench.world.events() if e.kind == "worker-ready" and e.source.startswith("guide-")]


def _from_beat(bench: Bench, place: int) -> list[Event]:
    return [e for e in bench.world.arrived()[place:] if e.kind == "task-sent" and e.source.startswith("beat")]


def _name(requirement: str) -> str:
    return re.split(r"[\s\[<>=!~;(]", requirement, maxsplit=1)[0].lower()
