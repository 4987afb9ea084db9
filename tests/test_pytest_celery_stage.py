"""An existing suite for pytest-celery runs unchanged on a stage of ours, and fails where it should."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

from harness import discovery, engine
from harness.broker import Broker
from harness.docker_images import read_dockerfile, signal_number
from harness.docker_stand_in import StandIn
from harness.errors import UsageError
from harness.launcher import wait_until

TASKS = """
import time
from celery import shared_task

@shared_task(bind=True, max_retries=3)
def flaky(self, failures):
    if self.request.retries < failures:
        raise self.retry(exc=RuntimeError("not yet"), countdown=0)
    return self.request.retries

@shared_task
def slow(seconds):
    time.sleep(seconds)
    return True
"""
CONFTEST = """
import pytest
import shoptasks

@pytest.fixture
def default_worker_tasks(default_worker_tasks):
    default_worker_tasks.add(shoptasks)
    return default_worker_tasks

@pytest.fixture
def default_worker_app(default_worker_app):
    default_worker_app.conf.update(task_acks_late=True, broker_connection_retry_on_startup=True)
    return default_worker_app
"""
SUITE = """
import pytest
from shoptasks import flaky, slow

def sent(setup, task, argument):
    return task.s(argument).apply_async(queue=setup.worker.worker_queue)

def test_a_task_is_retried(celery_setup):
    assert sent(celery_setup, flaky, 2).get(timeout=60) == 2

def test_retries_are_exhausted(celery_setup):
    with pytest.raises(RuntimeError):
        sent(celery_setup, flaky, 99).get(timeout=60)
    celery_setup.worker.assert_log_exists("Retry in 0s")

def test_a_worker_is_killed_and_another_takes_over(celery_setup):
    running = sent(celery_setup, slow, 600)
    celery_setup.worker.wait_for_log("received")
    celery_setup.worker.kill()
    assert celery_setup.worker.container.status == "exited"
    celery_setup.worker.restart()
    assert not running.ready()
    assert sent(celery_setup, flaky, 0).get(timeout=60) == 0

def test_a_broker_is_restarted(celery_setup):
    celery_setup.broker.restart()
    assert sent(celery_setup, flaky, 1).get(timeout=60) == 1

def test_what_runs_can_be_looked_at(celery_setup):
    names = [each["name"] for each in celery_setup.worker.get_running_processes_info(["name"])]
    assert names.count("celery") >= 2
"""


def played(folder: Path, *options: str, suite: str = SUITE) -> subprocess.CompletedProcess[str]:
    """Run the suite in a session of its own."""
    for name, text in {"shoptasks.py": TASKS, "conftest.py": CONFTEST, "test_shop.py": suite}.items():
        (folder / name).write_text(text, encoding="ascii")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *options]
    variables = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.skipif(find_spec("pytest_celery") is None, reason="pip install 'pytest-celery[all]'")
def test_retries_exhaustion_kill_and_restart_without_an_engine(tmp_path: Path) -> None:
    rabbitmq: type[Broker] = discovery.find("brokers", "rabbitmq")
    also = " or test_a_broker_is_restarted" if rabbitmq.available().ok else ""
    done = played(tmp_path, "--celery-harness-stage", "processes", "-k", f"redis_broker{also}")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert f"{6 if also else 5} passed" in done.stdout


@pytest.mark.skipif(find_spec("pytest_celery") is None, reason="pip install 'pytest-celery[all]'")
def test_the_same_suite_in_containers_of_images_that_are_here_and_nothing_is_left(tmp_path: Path) -> None:
    """Where there is an engine; ``CELERY_HARNESS_CONTAINERS`` makes it a must."""
    found = engine.available()
    if not found.ok:
        text = f"{found.why}: {found.remedy}"
        pytest.fail(text) if os.environ.get("CELERY_HARNESS_CONTAINERS") else pytest.skip(text)
    chosen = "redis_broker and (killed or looked)"
    done = played(tmp_path, "--celery-harness-stage", "containers", "-k", chosen)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "2 passed" in done.stdout
    with closing(engine.connect()) as client:
        engine.sweep(client)
        left = [own for kind in engine.remains(client).values() for _, own in kind]
    assert not [own for own in left if own.get("creator") == "pytest-docker-tools"]


@pytest.mark.skipif(find_spec("pytest_celery") is None, reason="pip install 'pytest-celery[all]'")
def test_what_does_not_hold_fails(tmp_path: Path) -> None:
    """With acknowledgement before the task runs, a killed worker takes it with it."""
    wrong = SUITE.partition("def test_a_task")[0] + (
        "def test_wrong(celery_setup):\n"
        "    assert sent(celery_setup, flaky, 2).get(timeout=60) == 3\n"
        "def test_not_logged(celery_setup):\n"
        "    celery_setup.worker.assert_log_exists('no such line', timeout=1)\n"
    )
    done = played(tmp_path, "--celery-harness-stage", "processes", "-k", "redis_broker", suite=wrong)
    assert done.returncode == 1
    assert "2 failed" in done.stdout


VENDORS = """
import celery
import pytest
from pytest_celery import (
    DEFAULT_WORKER_CONTAINER_TIMEOUT, DEFAULT_WORKER_VOLUME, WORKER_DOCKERFILE_ROOTDIR, CeleryBackendCluster,
    CeleryBrokerCluster, CeleryWorkerCluster, CeleryWorkerContainer, ping,
)
from pytest_docker_tools import build, container, fxtr

OTHER = "5.5.3" if celery.__version__ != "5.5.3" else "5.4.0"
other_image = build(
    path=WORKER_DOCKERFILE_ROOTDIR,
    tag="other",
    buildargs={
        "CELERY_VERSION": OTHER,
        "CELERY_LOG_LEVEL": fxtr("default_worker_celery_log_level"),
        "CELERY_WORKER_NAME": fxtr("default_worker_celery_worker_name"),
        "CELERY_WORKER_QUEUE": fxtr("default_worker_celery_worker_queue"),
    },
)
other_container = container(
    image="{other_image.id}",
    ports=fxtr("default_worker_ports"),
    environment=fxtr("default_worker_env"),
    network="{default_pytest_celery_network.name}",
    volumes={"{default_worker_volume.name}": DEFAULT_WORKER_VOLUME},
    wrapper_class=CeleryWorkerContainer,
    timeout=DEFAULT_WORKER_CONTAINER_TIMEOUT,
)

class TestVersions:
    @pytest.fixture
    def celery_worker_cluster(self, default_worker_container, other_container):
        cluster = CeleryWorkerCluster(default_worker_container, other_container)
        yield cluster
        cluster.teardown()

    def test_workers_with_two_versions_of_celery_side_by_side(self, celery_setup):
        for version, worker in zip((celery.__version__, OTHER), celery_setup.worker_cluster, strict=True):
            assert f"{worker.hostname()} v{version} (" in worker.logs()
        celery_setup.worker.kill()
        assert ping.s().delay().get(timeout=60) == "pong"

class TestMemcached:
    @pytest.fixture
    def celery_backend_cluster(self, celery_memcached_backend):
        cluster = CeleryBackendCluster(celery_memcached_backend)
        yield cluster
        cluster.teardown()

    def test_results_are_in_memcached(self, celery_setup):
        assert "memcached://" in celery_setup.backend.config()["url"]
        result = ping.s().delay()
        assert result.get(timeout=60) == "pong"
        assert "pong" in str(celery_setup.backend.container.client.get(f"celery-task-meta-{result.id}"))

class TestManagement:
    @pytest.fixture
    def default_rabbitmq_broker_image(self):
        return "rabbitmq:3-management"

    @pytest.fixture
    def default_rabbitmq_broker_ports(self):
        return {"5672/tcp": None, "15672/tcp": None}

    @pytest.fixture
    def celery_broker_cluster(self, celery_rabbitmq_broker):
        cluster = CeleryBrokerCluster(celery_rabbitmq_broker)
        yield cluster
        cluster.teardown()

    def test_queues_are_told_of(self, celery_setup):
        import base64
        import json
        import urllib.request

        (way,) = celery_setup.broker.container.attrs["NetworkSettings"]["Ports"]["15672/tcp"]
        url = f"http://{way['HostIp']}:{way['HostPort']}/api/queues"
        guest = {"Authorization": "Basic " + base64.b64encode(b"guest:guest").decode()}
        with urllib.request.urlopen(urllib.request.Request(url, headers=guest), timeout=60) as answer:
            names = [queue["name"] for queue in json.load(answer)]
        assert len([name for name in names if celery_setup.worker.hostname() in name]) == 1
"""


def vendors() -> dict[str, str]:
    """What of the suite can run here, and of which broker; the rest wants what is not installed."""
    found = {}
    if which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"):
        found["TestVersions"] = "redis_broker"
    if which("memcached") and find_spec("memcache") and find_spec("pymemcache"):
        found["TestMemcached"] = "redis_broker"
    if discovery.find("brokers", "rabbitmq").available().ok:  # type: ignore[attr-defined]
        found["TestManagement"] = "redis_backend"
    return found


@pytest.mark.skipif(find_spec("pytest_celery") is None, reason="pip install 'pytest-celery[all]'")
@pytest.mark.skipif(not vendors(), reason="there is neither uv nor RabbitMQ nor Memcached")
def test_another_celery_memcached_and_the_management_of_rabbitmq(tmp_path: Path) -> None:
    """As the examples `range`, `hybrid_setup` and `rabbitmq_management` of pytest-celery want them."""
    chosen = " or ".join(f"({name} and {broker})" for name, broker in vendors().items())
    done = played(tmp_path, "--celery-harness-stage", "processes", "-k", chosen, suite=VENDORS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert f"{len(vendors())} passed" in done.stdout


def test_a_stage_that_there_is_not_is_one_line(tmp_path: Path) -> None:
    done = played(tmp_path, "--celery-harness-stage", "moon")
    assert done.returncode == 4
    assert "Give --celery-harness-stage processes, or containers." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dockerfile_says_how_its_image_runs(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(
        "FROM python\nARG NAME=worker\nARG LEVEL\nENV NODE=$NAME LEVEL=${LEVEL}\nENV OLD style\n"
        "RUN a \\\n  b\n"
        'WORKDIR /src\nENTRYPOINT ["env"]\nCMD celery -n $NODE@%h\n',
        encoding="ascii",
    )
    image = read_dockerfile(path, {"LEVEL": "INFO"})
    assert image.variables == {"NODE": "worker", "LEVEL": "INFO", "OLD": "style"}
    assert image.workdir == "/src"
    assert image.command == ("env", "/bin/sh", "-c", "exec celery -n $NODE@%h")
    assert not image.celery
    with pytest.raises(UsageError, match="no Dockerfile"):
        read_dockerfile(tmp_path / "nowhere", {})


@pytest.mark.parametrize(
    ("command", "version", "installs"),
    [
        ("celery[redis,gevent]${WORKER_VERSION:+==$WORKER_VERSION} other", "5.3.0", "5.3.0"),
        ("celery[redis,gevent]${WORKER_VERSION:+==$WORKER_VERSION} other", "v5.3.0", "5.3.0"),
        ("celery[redis,gevent]${WORKER_VERSION:+==$WORKER_VERSION} other", "", ""),
        ("celery${WORKER_VERSION:+==$WORKER_VERSION}", metadata.version("celery"), ""),
        ('celery==5.2.7 "pytest-celery[all]==1.0.0"', "", "5.2.7"),
        ('"celery[gevent]" "pytest-celery[all]==1.0.0"', "", ""),
    ],
)
def test_a_dockerfile_says_which_celery_its_image_has(
    tmp_path: Path, command: str, version: str, installs: str
) -> None:
    text = f"FROM python\nARG V\nENV WORKER_VERSION=$V\nRUN pip install \\\n    pip \\\n    {command}\n"
    (tmp_path / "Dockerfile").write_text(text, encoding="ascii")
    assert read_dockerfile(tmp_path / "Dockerfile", {"V": version}).celery == installs


def test_a_container_is_a_process_that_ends_with_the_client(tmp_path: Path) -> None:
    client = StandIn()
    try:
        volume = client.volumes.create("code")
        made = client.containers.create("scratch", volumes={"code": {"bind": "/app"}})
        container = client.containers.run(
            "alpine", command=["sh", "-c", "echo $WHERE; exec sleep 600"], volumes={"code": {"bind": "/app"}},
            environment={"WHERE": "/app/x"},
        )  # fmt: skip
        assert volume.path is not None
        assert wait_until(lambda: container.logs() == f"{volume.path}/x\n".encode(), 30)
        assert made.status == "created"
        assert container.status == "created"
        container.reload()
        assert container.status == "running"
        assert container.exec_run("sh -c 'exit 3'").exit_code == 3
        (volume.path / "note").write_text("here", encoding="ascii")
        assert container.exec_run(["cat", "/app/note"]) == (0, b"here")
        archive, _ = container.get_archive("/app/note")
        assert made.put_archive("/app", b"".join(archive))
        first = container.pid
        container.restart(timeout=5)
        assert container.pid != first
    finally:
        client.close()
    assert not Path(f"/proc/{container.pid}").exists()
    assert not client.launcher.folder.exists()


def test_signals_have_names_and_numbers() -> None:
    assert [signal_number(each) for each in ("SIGTERM", "KILL", 15, "9")] == [15, 9, 15, 9]
