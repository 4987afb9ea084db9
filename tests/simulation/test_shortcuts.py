"""Work that is done once in a simulating process comes out as if it had been done each time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.probe.record import bounded
from harness.simulation.encoding import encoder

ROOT = Path(__file__).resolve().parents[2]
BEFORE = "import re, sys, warnings, traceback\nwarnings.simplefilter('always')\n"
ALL = "from harness.simulation import shortcuts\nshortcuts.before_imports()\nshortcuts.after_imports()\n"
TRACEBACKS = """
def deep(n):
    if n:
        return deep(n - 1)
    ä = {"a": 1}; return (ä["ü"]
                          + 1)

def chained():
    try:
        deep(7)
    except KeyError as error:
        raise ValueError("two\\nlines") from error

def context():
    try:
        chained()
    except ValueError:
        exec(compile("raise RuntimeError('no source')", "<nowhere>", "exec"))

def grouped():
    raise ExceptionGroup("several", [ValueError(1), ExceptionGroup("deeper", [caught(chained)])])

def syntax():
    compile("a b c", "<text>", "exec")

def noted():
    error = OSError(1, "noted"); error.add_note("a note"); raise error

def caught(act):
    try:
        act()
    except BaseException as error:
        return error

for _ in range(3):
    for act in (chained, context, grouped, syntax, noted):
        error = caught(act)
        for more in ({}, {"limit": 1}, {"limit": -1}, {"chain": False}):
            print("".join(traceback.format_exception(error, **more)))
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        print(re.sub("0x[0-9a-f]+", "", told))
        print([tuple(each) for each in traceback.extract_tb(error.__traceback__)])
sys.tracebacklimit = 2
print("".join(traceback.format_exception(caught(chained))))
"""
BILLIARD = """
from billiard.einfo import ExceptionInfo

def fails(n):
    try:
        1 / n
    except ZeroDivisionError:
        return ExceptionInfo()

for _ in range(2):
    info = fails(0)
    print(info.traceback)
    print("".join(traceback.format_exception(info.type, info.exception, info.tb)))
"""
REDIS = """
import redis

def made(**options):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        client = redis.Redis(**options)
    told = [(str(each.message), each.category.__name__, each.filename, each.lineno) for each in found]
    print(sorted(options), told, client.connection_pool.connection_kwargs.get("retry_on_timeout"))

for options in ({}, {"retry_on_timeout": True}, {"lib_name": "x"}, {"host": "h", "retry_on_timeout": False}):
    made(**options)
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    for arguments in ((), ("GET",), ("GET", "a")):
        try:
            redis.ConnectionPool(port=1).get_connection(*arguments)
        except redis.ConnectionError:
            pass
    try:
        redis.ConnectionPool(port=1).get_connection(command_name="GET")
    except redis.ConnectionError:
        pass
print([(str(each.message), each.lineno) for each in found])
"""
KOMBU = """
from kombu.utils.objects import cached_property

class Thing:
    made = 0

    @cached_property
    def value(self):
        self.made += 1
        return self.made

    @value.setter
    def value(self, new):
        return -new

    @cached_property
    def broken(self):
        raise KeyError("broken")

    @value.deleter
    def value(self, old):
        print("deleted", old)

thing = Thing()
print(thing.value, thing.value, type(Thing.value).__name__)
thing.value = 5
print(thing.value)
del thing.value
print(thing.value, thing.made)
for _ in range(2):
    try:
        thing.broken
    except KeyError as error:
        print(repr(error))
"""


SCRIPTS = {"traceback": TRACEBACKS, "billiard": BILLIARD, "redis": REDIS, "kombu": KOMBU}


def output(script: Path, text: str) -> str:
    """What a script prints in a process of its own."""
    script.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_nothing_that_is_done_once_shows(tmp_path: Path, name: str) -> None:
    """Tracebacks, warnings and properties are the same with and without."""
    act = SCRIPTS[name]
    without = output(tmp_path / "script.py", BEFORE + "\n" * ALL.count("\n") + act)
    assert len(without) > 30
    assert output(tmp_path / "script.py", BEFORE + ALL + act) == without


def test_an_event_is_written_as_json_has_it() -> None:
    """Texts are those of `json`, what it cannot say is bounded, what holds itself is refused each time."""
    encode = encoder(json.JSONEncoder(default=bounded))
    values: tuple[object, ...] = (
        {"a": [1, 2.5, None, True, "ä\n\u2028"], "b": object},
        "text",
        7,
        [],
        {1: 2},
    )
    for value in values:
        assert encode(value) == json.dumps(value, default=bounded)
    ring: list[object] = []
    ring.append(ring)
    for _ in range(2):
        with pytest.raises(ValueError, match="Circular"):
            encode(ring)
    assert encode([[], []]) == "[[], []]"
