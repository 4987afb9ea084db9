"""`select.poll` in a simulating process: simulated connections in virtual time, all others as ever."""

from __future__ import annotations

import os
import random
import select
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest

from harness.simulation.clock import CLOCK
from harness.simulation.descriptors import WORLD, Descriptor
from harness.simulation.kernel import Kernel
from harness.simulation.polling import SystemPoller


class Letterbox(Descriptor):
    """Readable once something lies in it."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[str] = []

    def readable(self) -> bool:
        """Whether there is a letter."""
        return bool(self.letters)

    def put(self, letter: str) -> None:
        """The postman comes."""
        self.letters.append(letter)
        self.notify()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    """A kernel of this process, whose own randomness and clock are as before afterwards."""
    state = random.getstate()
    before = {each.name: getattr(CLOCK, each.name) for each in fields(CLOCK)}
    made = Kernel()
    monkeypatch.setattr(WORLD, "kernel", made)
    yield made
    made.close()
    random.setstate(state)
    for name, value in before.items():
        setattr(CLOCK, name, value)


def run(kernel: Kernel, act: Callable[[], Any]) -> tuple[Any, float]:
    """What a simulated process came to, and after how many seconds of virtual time."""
    found: list[tuple[Any, float]] = []
    began_s = CLOCK.now_s()
    kernel.spawn(kernel.client, lambda _=None: found.append((act(), CLOCK.now_s() - began_s)))
    kernel.run(began_s + 60)
    return found[0]


def test_a_simulated_connection_is_waited_for_in_virtual_time(kernel: Kernel) -> None:
    box, poller = Letterbox(), SystemPoller()
    poller.register(box)
    kernel.after(2, lambda _: box.put("hello"))
    assert run(kernel, lambda: poller.poll(5_000)) == ([(box.number, select.POLLIN)], 2.0)


def test_the_time_runs_out_where_nothing_comes(kernel: Kernel) -> None:
    box, poller = Letterbox(), SystemPoller()
    poller.register(box.number)
    assert run(kernel, lambda: poller.poll(5_000)) == ([], 5.0)


def test_what_is_there_is_told_at_once(kernel: Kernel) -> None:
    box, poller = Letterbox(), SystemPoller()
    box.put("hello")
    poller.register(box)
    assert run(kernel, lambda: poller.poll(-1)) == ([(box.number, select.POLLIN)], 0.0)


def test_a_closed_number_is_ready_at_once(kernel: Kernel) -> None:
    """As the operating system says of a descriptor that is not open (`poll(2)`)."""
    box, poller = Letterbox(), SystemPoller()
    poller.register(box)
    box.forget()
    assert run(kernel, lambda: poller.poll(None)) == ([(box.number, select.POLLNVAL)], 0.0)


def test_what_is_not_watched_any_more_is_not_told(kernel: Kernel) -> None:
    box, poller = Letterbox(), SystemPoller()
    box.put("hello")
    poller.register(box)
    poller.unregister(box)
    assert poller.poll(0) == []
    with pytest.raises(KeyError):
        poller.unregister(box)


def test_a_real_descriptor_is_polled_by_the_system(kernel: Kernel) -> None:
    reading, writing = os.pipe()
    try:
        poller = SystemPoller()
        poller.register(reading, select.POLLIN)
        assert poller.poll(0) == []
        os.write(writing, b"x")
        assert poller.poll(0) == [(reading, select.POLLIN)]
    finally:
        os.close(reading)
        os.close(writing)
