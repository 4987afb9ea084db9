"""Conversations without sockets, for the tests of each protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from harness.proxy.conversation import Conversation, Cut, Send, Step, Struck
from harness.proxy.rules import Rule


def rule(action: Any, command: str, **more: Any) -> Rule:
    """A rule of a fault named ``test``."""
    return Rule(number=1, fault="test", action=action, command=command, **more)


def to(side: str, steps: Iterable[Step]) -> bytes:
    """What is passed on to one side."""
    return b"".join(bytes(step.data) for step in steps if isinstance(step, Send) and step.to == side)


def is_cut(steps: Iterable[Step]) -> bool:
    """Whether the connection is reset."""
    return any(isinstance(step, Cut) and step.reset for step in steps)


def struck(steps: Iterable[Step]) -> list[str]:
    """The commands that were struck."""
    return [step.command.name for step in steps if isinstance(step, Struck)]


def pieces(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Bytes cut at these places."""
    ends = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[a:b] for a, b in pairwise(ends)]


def carried(
    conversation: Conversation, sent: Sequence[bytes], answered: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """What the server and the client get when both sides send these pieces in turn."""
    steps: list[Step] = []
    for place in range(max(len(sent), len(answered))):
        if place < len(sent):
            steps += conversation.from_client(sent[place])
        if place < len(answered):
            steps += conversation.from_server(answered[place])
    return to("server", steps), to("client", steps)
