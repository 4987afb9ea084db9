"""How long a world in containers takes to be ready and to be gone, and what a SIGKILL of the harness leaves.

``python benchmarks/containers.py ready [rounds]``: for each broker a world of its own, one that finds the
servers of a session (what pytest has from its second world on), and the processes stage, in turn in one run.
``python benchmarks/containers.py kills [times] [broker]``: harnesses killed at random moments, while they
start, work, strike and stop; what is found of each one afterwards, and after how long nothing was.
Figures are printed, never tested; `kills` ends with status 1 where anything is left.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agreement import MARK, left_behind

from harness import engine
from harness.contract_file import loads
from harness.stage import Stage, StageSettings
from harness.stages.containers import Containers
from harness.stages.processes import Processes

BROKERS = ("redis", "rabbitmq")
APP = """
from celery import Celery

app = Celery("plain")
app.conf.task_acks_late = True


@app.task(name="plain.work")
def work():
    return None
"""
CONTRACT = '[tiers.all]\ntasks = ["plain.*"]\nqueue = "celery"\n\n[workers.one]\nconcurrency = 2\n'
VICTIM = """
import sys
from pathlib import Path
from harness import discovery
from harness.contract_file import loads
from harness.fault import injected
from harness.stage import StageSettings
from harness.stages.containers import Containers

FAULTS = ("worker_disk_full", "network_partition", "worker_kill", "worker_out_of_memory")
settings = StageSettings("plain:app", loads(sys.argv[1]), Path(sys.argv[2]), broker=sys.argv[3])
while True:
    with Containers.open(settings) as world:
        for name in FAULTS:
            world.send("plain.work", [], {})
            with injected(discovery.find("faults", name)(), world):
                world.advance(lambda: False, within_s=5)
            world.revive()
"""
RULES = (("iptables-save",), ("ip6tables-save",), ("nft", "list", "ruleset"))
BRIDGE = re.compile(r"\bbr-[0-9a-f]{12}\b")
GONE_WITHIN_S = 60.0
QUIET_S = 3.0
"""Nothing may be found for so long: a container that was being made when its harness died comes late."""


def ready(rounds: int) -> None:
    """Boot and end worlds, each kind in turn, so that all meet the same load."""
    ready_s, over_s = defaultdict[tuple[str, str], list[float]](list), defaultdict[str, list[float]](list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plain.py").write_text(APP, encoding="utf-8")
        with Containers.session():
            for broker in BROKERS:
                settings = StageSettings("plain:app", loads(CONTRACT), folder, broker=broker)
                first_s, _ = _boot(Containers, settings)
                print(f"{broker}: the first world of a session was ready after {first_s:.2f} s", flush=True)
                for _ in range(rounds):
                    for kind, stage in (("session", Containers), ("processes", Processes)):
                        took_s, end_s = _boot(stage, settings)
                        ready_s[broker, kind].append(took_s)
                        over_s[kind].append(end_s)
        for broker in BROKERS:
            for _ in range(max(2, rounds // 4)):
                settings = StageSettings("plain:app", loads(CONTRACT), folder, broker=broker)
                took_s, end_s = _boot(Containers, settings)
                ready_s[broker, "private"].append(took_s)
                over_s["private"].append(end_s)
    for (broker, kind), times in sorted(ready_s.items()):
        ratio = statistics.median(times) / statistics.median(ready_s[broker, "processes"])
        print(f"{broker:<9} {kind:<10} ready  {_told(times)}   {ratio:.2f} of processes")
    for kind, times in sorted(over_s.items()):
        print(f"{'both':<9} {kind:<10} over   {_told(times)}")


def _boot(stage: type[Stage], settings: StageSettings) -> tuple[float, float]:
    began_s = time.perf_counter()
    with stage.open(settings):
        ready_s = time.perf_counter() - began_s
        ends_s = time.perf_counter()
    return ready_s, time.perf_counter() - ends_s


def _told(times: Sequence[float]) -> str:
    slow = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
    return f"median {statistics.median(times):5.2f} s   p95 {slow:5.2f} s   ({len(times)} times)"


def kills(times: int, broker: str) -> int:
    """Kill harnesses at random moments; 1 where anything of any of them is found afterwards."""
    client, left, took = engine.connect(), list[str](), list[float]()
    longest_s = 30.0 if broker == "redis" else 45.0
    rules = _rules(client)
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "plain.py").write_text(APP, encoding="utf-8")
        for number in range(times):
            mark = secrets.token_hex(8)
            process = subprocess.Popen(
                [sys.executable, "-c", VICTIM, CONTRACT, name, broker],
                env={**os.environ, MARK: mark}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
            at_s = random.uniform(0.3, longest_s)
            try:
                _, said = process.communicate(timeout=at_s)
                print(f"it ended by itself: {said.decode()[-500:]}")
                return 2
            except subprocess.TimeoutExpired:
                pass
            had = _found(client, process.pid, mark)
            process.kill()
            process.wait()
            gone_s, found = _gone(client, process.pid, mark)
            took.append(gone_s)
            left += found
            print(f"{number + 1:3}: killed after {at_s:4.1f} s with {len(had)} things,", end=" ")
            print(f"gone after {gone_s:.1f} s", *found, sep="\n     ", flush=True)
    changed = _rules(client) - rules
    client.close()
    print(f"{times} kills on {broker}: {len(left)} things left; gone after {_told(took)}")
    print(f"rules, interfaces and mounts that were not there before: {sorted(changed) or 'none'}")
    return 1 if left or changed else 0


def _gone(client: Any, pid: int, mark: str) -> tuple[float, list[str]]:
    """When nothing was found any more (and stayed so), and what was found at the very end."""
    began_s = seen_s = time.monotonic()
    while time.monotonic() - began_s < GONE_WITHIN_S:
        if _found(client, pid, mark):
            seen_s = time.monotonic()
        elif time.monotonic() - seen_s > QUIET_S:
            break
        time.sleep(0.05)  # what another process removes can only be asked for; bounded above
    return seen_s - began_s, _found(client, pid, mark)


def _found(client: Any, pid: int, mark: str) -> list[str]:
    """Containers, networks and volumes of a harness; processes and folders."""
    found = [
        f"{kind}: {name[:12]}"
        for kind, all_of in engine.remains(client).items()
        for name, own in all_of
        if own.get(engine.OWNER, "").split("/")[-2:-1] == [str(pid)]
    ]
    return found + left_behind(pid, mark)


def _rules(client: Any) -> set[str]:
    """What is left in the kernel: mounts of ours, and rules and ends of networks that are gone.

    Others may run stages meanwhile: what belongs to a network that is there is theirs.
    """
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    known = {f"br-{network['Id'][:12]}" for network in client.networks()}
    rules = [line for command in RULES for line in _said(command) if set(BRIDGE.findall(line)) - known]
    ends = [each for each in Path("/sys/class/net").iterdir() if each.name.startswith(("br-", "veth"))]
    loose = {
        f"interface {each.name}" for each in ends if each.name not in known and not (each / "master").exists()
    }
    return {*rules, *loose, *(line for line in mounts if "celery-harness" in line)}


def _said(command: Sequence[str]) -> list[str]:
    """What a command printed, line by line, where it is there."""
    if shutil.which(command[0]) is None:
        return []
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


if __name__ == "__main__":
    what, *given = sys.argv[1:] or ["ready"]
    if what == "ready":
        ready(int(given[0]) if given else 10)
    else:
        sys.exit(kills(int(given[0]) if given else 20, given[1] if len(given) > 1 else "redis"))
