"""How long pytest-celery's tests take: on Docker as it is, and with `--celery-harness-stage`, in one run.

``python benchmarks/pytest_celery.py [redis|rabbitmq|all]``: the suite of `tests/test_pytest_celery_stage.py`
(retry, exhaustion, worker killed, broker restarted, processes looked at). "docker" is pytest-celery with
images that are here, since it builds and pulls its own otherwise, which is not counted; its containers, its
waiting.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCKER = """
from harness.docker_local import RESETS, LocalEngine
import pytest_docker_tools.wrappers.container as wrappers
wrappers.tests_inside_container = lambda: False

RESETS.clear()  # each test has servers of its own, as in pytest-celery

@pytest.fixture(scope="session")
def docker_client():
    client = LocalEngine()
    yield client
    client.close()
"""
WAYS = {"docker": (), "containers": ("containers",), "processes": ("processes",)}


def suite() -> Any:
    """The suite of the tests."""
    spec: Any = importlib.util.spec_from_file_location(
        "suite", ROOT / "tests" / "test_pytest_celery_stage.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def timed(way: str, broker: str) -> dict[str, float]:
    """Seconds of each test, setup and teardown among them, and of the session."""
    texts = suite()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        conftest = texts.CONFTEST + (DOCKER if way == "docker" else "")
        for file, text in {
            "shoptasks.py": texts.TASKS,
            "conftest.py": conftest,
            "test_shop.py": texts.SUITE,
        }.items():
            (folder / file).write_text(text, encoding="ascii")
        options = [each for stage in WAYS[way] for each in ("--celery-harness-stage", stage)]
        began_s = time.monotonic()
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly",
                "--junitxml", "out.xml", "-k", f"{broker}_broker", *options,
            ],
            cwd=folder, env=os.environ | {"PYTHONPATH": f"{folder}:{ROOT}"}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        whole_s = time.monotonic() - began_s
        if done.returncode:
            sys.exit(f"{way}: the suite failed\n{done.stdout[-2000:]}")
        cases = ET.parse(folder / "out.xml").iter("testcase")  # noqa: S314 - of our own session
        found = {str(case.get("name")).partition("[")[0]: float(case.get("time") or 0) for case in cases}
    return found | {"session": whole_s}


def main() -> None:
    """Measure and print a table for each broker."""
    asked = sys.argv[1] if len(sys.argv) > 1 else "all"
    for broker in ("redis", "rabbitmq") if asked == "all" else (asked,):
        found = {way: timed(way, broker) for way in WAYS}
        print(f"\n| {broker}, s | {' | '.join(WAYS)} |\n|---|{'---|' * len(WAYS)}")
        for test in found["docker"]:
            cells = " | ".join(f"{found[way][test]:.1f}" for way in WAYS)
            print(f"| {test.removeprefix('test_').replace('_', ' ')} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
