"""The containers stage: the same workers, each in a container, and nothing of them left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kombu.connection import Connection

from harness import engine
from harness.broker import QueueState
from harness.cli import harness
from harness.contract_file import loads
from harness.errors import StageError
from harness.images import find
from harness.launcher import wait_until
from harness.postgres_server import PostgresDatabase
from harness.stage import StageSettings, World
from harness.stages.containers import Containers
from tests.test_revisions import git

APP = """
import os
from celery import Celery

app = Celery("shop")
app.conf.task_acks_late = True


@app.task(name="shop.pay")
def pay(order):
    return os.getpid()
"""
CONTRACT = """
[tiers.all]
tasks = ["shop.*"]
queue = "celery"

[workers.one]
queues = ["celery"]
concurrency = 2
"""
SCRIPT = """
import sys, time
from pathlib import Path
from harness.contract_file import loads
from harness.stage import StageSettings
from harness.stages.containers import Containers
with Containers.open(StageSettings("shop:app", loads(sys.argv[1]), Path(sys.argv[2]))) as world:
    print(world.launcher.token, flush=True)
    sys.stdin.read()
"""


def settings(folder: Path) -> StageSettings:
    """A stage for a plain app written into a folder."""
    (folder / "shop.py").write_text(APP, encoding="utf-8")
    return StageSettings("shop:app", loads(CONTRACT), folder)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """The engine, where there is one; ``CELERY_HARNESS_CONTAINERS`` makes it a must."""
    found = Containers.available("redis")
    if not found.ok:
        text = f"{found.why}: {found.remedy}"
        pytest.fail(text) if os.environ.get("CELERY_HARNESS_CONTAINERS") else pytest.skip(text)
    made = engine.connect()
    yield made
    made.close()


@pytest.fixture(scope="module")
def world(client: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One stage for this file."""
    with Containers.open(settings(tmp_path_factory.mktemp("shop"))) as opened:
        yield opened


def ended(world: World, task_id: str) -> bool:
    """Whether a task has succeeded."""
    return any(e.kind == "task-succeeded" and e.task_id == task_id for e in world.events())


def namespace(pid: int, kind: str) -> str:
    """The namespace of a process."""
    return str(Path(f"/proc/{pid}/ns/{kind}").readlink())


def test_a_task_runs_in_a_container_and_is_known_by_the_numbers_of_this_machine(world: World) -> None:
    task_id = world.send("shop.pay", [1], {}, experiment="t/all")
    assert world.advance(lambda: ended(world, task_id), within_s=300)
    (started,) = [e for e in world.events() if e.kind == "task-started" and e.task_id == task_id]
    assert started.get("pid") in world.workers["one"].children()
    worker = world.workers["one"].pid
    assert namespace(worker, "pid") != namespace(os.getpid(), "pid")
    assert namespace(worker, "net") != namespace(world.broker.pid, "net")


def test_an_hour_of_its_time_passes_in_seconds(world: World) -> None:
    if world.warp != "idle":
        pytest.skip("this machine has no warp: pip install ziglang, or a C compiler")
    before_s, real_s = world.clock.now_s(), time.monotonic()
    assert not world.advance(lambda: False, within_s=3600)
    assert world.clock.now_s() - before_s >= 3600
    assert time.monotonic() - real_s < 3600


def test_a_killed_worker_comes_back_under_its_name_and_works(world: World) -> None:
    worker = world.workers["one"]
    before = worker.pid
    worker.kill()
    assert worker.ended()
    worker.launch()
    worker.ready()
    assert worker.pid not in (0, before)
    task_id = world.send("shop.pay", [2], {}, experiment="t/all")
    assert world.advance(lambda: ended(world, task_id), within_s=300)


def test_a_broker_that_is_killed_comes_back_on_its_address_with_its_messages(world: World) -> None:
    worker = world.workers["one"]
    worker.stop(cold=False)
    assert world.advance(worker.ended, within_s=60)
    task_id = world.send("shop.pay", [3], {}, experiment="t/all")
    before = world.broker.addresses()
    world.broker.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(before[0], timeout=10).close()
    world.broker.start()
    assert world.broker.addresses() == before
    assert task_id in world.broker.read(["celery"]).queues["celery"].tasks
    worker.launch()
    worker.ready()
    assert world.advance(lambda: ended(world, task_id), within_s=300)


def test_no_container_is_privileged_and_none_has_a_way_out(world: World, client: Any) -> None:
    token = world.launcher.token  # type: ignore[attr-defined]
    found = engine.remains(client, token)
    assert len(found["containers"]) >= 5
    for name, _ in found["containers"]:
        assert not client.inspect_container(name)["HostConfig"]["Privileged"]
    assert [client.inspect_network(name)["Internal"] for name, _ in found["networks"]] == [True]


def test_the_next_world_of_a_session_finds_the_same_servers_and_nothing_in_them(
    client: Any, tmp_path: Path
) -> None:
    """A server with other settings than at first is not handed on, and at the end all are gone."""
    given = settings(tmp_path)
    tokens, pids = list[str](), list[int]()
    with Containers.session():
        for number in range(3):
            with Containers.open(given) as opened:
                assert not opened.cache_entries("*")
                assert not [e for e in opened.events() if e.kind == "alert-sent"]
                task_id = opened.send("shop.pay", [number], {}, experiment="t/all")
                assert opened.advance(partial(ended, opened, task_id), within_s=300)
                assert [e.task_id for e in opened.events() if e.kind == "task-sent"] == [task_id]
                assert -1 < opened.clock.now_s() < 300
                opened.cache.client.set("left", number)  # type: ignore[attr-defined]
                if number == 1:
                    opened.cache.client.config_set("maxmemory", 10**8)  # type: ignore[attr-defined]
                tokens.append(opened.launcher.token)  # type: ignore[attr-defined]
                pids.append(opened.broker.pid)
    assert (pids[0], tokens[0]) == (pids[1], tokens[1])
    assert tokens[2] != tokens[1]
    assert not any(any(engine.remains(client, token).values()) for token in tokens)


def test_the_runs_of_a_gate_hand_the_servers_on(client: Any, tmp_path: Path) -> None:
    """The base and the change, on one broker; each has workers of its own."""
    settings(tmp_path)
    (tmp_path / "contract.toml").write_text(CONTRACT, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "base")
    (tmp_path / "shop.py").write_text(f"{APP}\napp.conf.task_default_queue = 'elsewhere'\n", encoding="utf-8")
    began_s = int(time.time())
    words = ["-A", "shop:app", "--workdir", str(tmp_path), "--reports", str(tmp_path / "reports")]
    result = CliRunner().invoke(harness, ["gate", *words, "--stage", "containers", "--quiet"])
    assert result.exit_code in (0, 1), result.output
    made = client.events(
        since=began_s, until=int(time.time()) + 1, decode=True,
        filters={"type": "container", "event": "create", "label": engine.SESSION},
    )  # fmt: skip
    own = engine.labels("")[engine.OWNER]
    names = [each["Actor"]["Attributes"] for each in made]
    roles = Counter(each["name"].split("-", 3)[3] for each in names if each[engine.OWNER] == own)
    assert roles["broker"] == 1, roles
    assert roles["worker-one"] >= 2, roles


def test_a_rabbitmq_is_handed_on_after_its_alarms_with_a_virtual_host_of_each_world_s_own(
    client: Any, tmp_path: Path
) -> None:
    """Its name daemon outlives many wake-ups: without it no alarm can be given, or looked at."""
    if not Containers.available("rabbitmq").ok:
        pytest.skip("there is no RabbitMQ")
    given = replace(settings(tmp_path), broker="rabbitmq")
    ask = ("eval", "rabbit_alarm:get_alarms().")
    urls, pids, depths = list[str](), list[int](), list[int]()
    with Containers.session():
        for _ in range(2):
            with Containers.open(given) as opened:
                broker: Any = opened.broker
                depths.append(broker.read(["elsewhere"]).queues.get("elsewhere", QueueState()).depth)
                kind: Any = Connection
                with kind(broker.url()) as connection:
                    connection.SimpleQueue("elsewhere").put({"left": "over"})
                assert broker.read(["elsewhere"]).queues["elsewhere"].depth == 1
                opened.advance(lambda: False, within_s=600)
                for alarmed in (broker.out_of_memory, broker.out_of_disk) if not pids else ():
                    with alarmed():
                        assert "resource_limit" in broker.control(*ask)
                    assert "resource_limit" not in broker.control(*ask)
                task_id = opened.send("shop.pay", [1], {}, experiment="t/all")
                assert opened.advance(partial(ended, opened, task_id), within_s=300)
                urls.append(broker.url())
                pids.append(broker.pid)
    assert pids[0] == pids[1]
    assert urls[0] != urls[1]
    assert depths == [0, 0]


def test_postgresql_in_a_container_is_struck_as_on_the_processes_stage(client: Any, tmp_path: Path) -> None:
    psycopg: Any = pytest.importorskip("psycopg")
    found = find(client, "postgres")
    if found.source == "environment" and not PostgresDatabase.available().ok:
        pytest.skip("there is no PostgreSQL")
    with Containers.open(replace(settings(tmp_path), database="postgres")) as opened:
        database: Any = opened.database

        def sell(n: int) -> None:
            with database._session() as session:
                session.execute("INSERT INTO sales VALUES (%s)", (n,))

        with database._session() as session:
            session.execute("CREATE TABLE sales (n INTEGER)")
        sell(1)
        with database.read_only(), pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            sell(2)
        with database.exhausted(), pytest.raises(psycopg.OperationalError):
            sell(3)
        with database.down(), pytest.raises(psycopg.OperationalError):
            sell(4)
        with database.paused():
            stat = Path(f"/proc/{database.pid}/stat")
            assert wait_until(lambda: stat.read_text("utf-8").rpartition(")")[2].split()[0] == "T", 10)
        take_over = database.copied()
        sell(5)
        take_over()
        sell(6)
        assert [row["n"] for row in database.rows("sales")] == [1, 6]
        assert namespace(database.pid, "net") != namespace(os.getpid(), "net")


SEEK = """
import os
import redis
from celery import Celery

app = Celery("shop")


@app.task(name="shop.pay")
def pay(order):
    host, port = os.environ["SEARCH"].split(":")
    with redis.Redis(host=host, port=int(port), socket_timeout=5) as search:
        return search.incr("orders", order)
"""


def test_a_service_of_testcontainers_stands_beside_the_stage(client: Any, tmp_path: Path) -> None:
    """The app reaches it through the interlock, faults know its name, and it is gone with the world."""
    testcontainers = pytest.importorskip("testcontainers.core.container")
    image = find(client, "redis")
    if image.source == "environment":
        pytest.skip("a service needs an image: celery-harness images build redis")
    search = testcontainers.DockerContainer(image.reference).with_exposed_ports(6379)
    search.with_command("redis-server --protected-mode no")
    given = replace(settings(tmp_path), services={"search": search}, environment={"SEARCH": "{search}"})
    (tmp_path / "shop.py").write_text(SEEK, encoding="utf-8")
    with Containers.open(given) as opened:
        token = opened.launcher.token  # type: ignore[attr-defined]
        task_id = opened.send("shop.pay", [7], {}, experiment="t/all")
        assert opened.advance(partial(ended, opened, task_id), within_s=300)
        assert search.exec(["redis-cli", "get", "orders"]).output.strip() == b"7"
        with opened.isolation.partition("one", "search"):
            cut_off = opened.send("shop.pay", [7], {}, experiment="t/all")
            failed = {"task-failed", "task-internal-error"}
            assert opened.advance(
                lambda: any(e.kind in failed and e.task_id == cut_off for e in opened.events()), within_s=300
            )
    assert not any(engine.remains(client, token).values())


def test_nothing_is_left_when_the_harness_is_killed(client: Any, tmp_path: Path) -> None:
    """The reapers notice the end of a pipe; the folder goes as well."""
    settings(tmp_path)
    command = [sys.executable, "-c", SCRIPT, CONTRACT, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout is not None
        token = harness.stdout.readline().strip()
        assert engine.remains(client, token)["containers"]
        harness.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(engine.remains(client, token).values()) and time.monotonic() < deadline:
        time.sleep(0.05)  # what another process removes can only be asked for; bounded above
    assert not any(engine.remains(client, token).values())


FORWARD = """
import asyncio
import sys

async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()

async def join(reader, writer):
    there = await asyncio.open_unix_connection(sys.argv[1])
    await asyncio.gather(copy(reader, there[1]), copy(there[0], writer), return_exceptions=True)

async def main():
    server = await asyncio.start_server(join, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def test_an_engine_of_this_machine_may_be_reached_by_tcp(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is killed through it, and what its reaper removes, is as on the socket."""
    where = os.environ.get("DOCKER_HOST") or engine.SOCKET
    if not where.startswith("unix://"):
        pytest.skip("the engine here has no socket")
    command = [sys.executable, "-c", FORWARD, where.removeprefix("unix://")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:
        try:
            assert forward.stdout is not None
            monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{forward.stdout.readline().strip()}")
            with Containers.open(settings(tmp_path)) as opened:
                token = opened.launcher.token  # type: ignore[attr-defined]
                task_id = opened.send("shop.pay", [1], {}, experiment="t/all")
                assert opened.advance(partial(ended, opened, task_id), within_s=300)
            assert not any(engine.remains(client, token).values())
        finally:
            forward.kill()


def test_an_engine_on_another_machine_is_refused_before_anything_is_made_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("docker")
    asked = list[str]()

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path.rpartition('/')[2]}")
            answers = {"version": {"ApiVersion": "1.41", "Version": "20"}}
            found = {"Name": "elsewhere", "KernelVersion": "6.1.0-far", "MemTotal": 1}
            body = json.dumps(answers.get(self.path.rpartition("/")[2], found)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        found = Containers.available("redis")
        assert "another machine (elsewhere, kernel 6.1.0-far)" in found.why
        with pytest.raises(StageError, match="another machine"), Containers.open(settings(tmp_path)):
            pass
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert set(asked) == {"GET version", "GET info"}


def test_without_an_engine_it_says_what_gets_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    found = Containers.available("redis")
    assert not found.ok
    assert "dockerd" in found.remedy
    with pytest.raises(StageError, match="No container engine answers"), Containers.open(settings(tmp_path)):
        pass
