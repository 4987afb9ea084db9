"""AMQP: frames are found however they were cut; messages are cut, repeated, confirmed and refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harness.proxy.amqp import AmqpConversation, AmqpStream
from harness.proxy.conversation import Cut
from harness.proxy.rules import Rule
from tests.proxy.talk import carried, is_cut, pieces, rule, struck, to

HELLO = b"AMQP\x00\x00\x09\x01"


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def method(family: int, number: int, arguments: bytes = b"", channel: int = 1) -> bytes:
    return frame(1, channel, struct.pack(">HH", family, number) + arguments)


def content(*bodies: bytes, channel: int = 1) -> bytes:
    size = sum(len(body) for body in bodies)
    header = frame(2, channel, struct.pack(">HHQH", 60, 0, size, 0))
    return header + b"".join(frame(3, channel, body) for body in bodies)


PUBLISH = method(60, 40, b"\0\0\0\x08payments\0")
MESSAGE = PUBLISH + content(b"first", b"second")
SELECT, SELECTED = method(85, 10, b"\0"), method(85, 11)


def ack(tag: int, *, several: bool = False) -> bytes:
    return method(60, 80, struct.pack(">QB", tag, several))


def begun(*rules: Rule, confirms: bool = False) -> AmqpConversation:
    talk = AmqpConversation(list(rules))
    talk.from_client(HELLO + method(20, 10, b"\0"))
    talk.from_server(method(20, 11, b"\0\0\0\0"))
    if confirms:
        talk.from_client(SELECT)
        talk.from_server(SELECTED)
    return talk


frames = some.lists(
    some.tuples(some.sampled_from([1, 2, 3, 8]), some.integers(0, 3), some.binary(min_size=14, max_size=30)),
    max_size=6,
)
cuts = some.lists(some.integers(0, 400), max_size=8)


@given(frames, cuts)
def test_every_frame_is_found_whole_and_in_order_however_it_was_cut(
    sent: list[tuple[int, int, bytes]], places: list[int]
) -> None:
    wire = [frame(*each) for each in sent]
    stream = AmqpStream(greets=False)
    found = [unit for piece in pieces(b"".join(wire), places) for unit in stream.feed(piece)]
    assert [unit.raw for unit in found] == wire
    assert [unit.channel for unit in found] == [channel for _, channel, _ in sent]


@given(some.lists(some.lists(some.binary(min_size=1, max_size=20), max_size=3), max_size=5), cuts)
def test_without_rules_both_sides_get_what_was_sent(messages: list[list[bytes]], places: list[int]) -> None:
    sent = HELLO + SELECT + b"".join(PUBLISH + content(*bodies) for bodies in messages)
    answered = SELECTED + b"".join(ack(place + 1) for place in range(len(messages)))
    assert carried(AmqpConversation([]), pieces(sent, places), pieces(answered, places)) == (sent, answered)


def test_what_is_not_the_protocol_is_carried_all_the_same() -> None:
    assert carried(AmqpConversation([]), [b"\x16\x03\x01", b"x"], [b"\x16", b"y"]) == (
        b"\x16\x03\x01x",
        b"\x16y",
    )
    broken = HELLO + b"\x01\x00\x01\x00\x00\x00\x01x!"
    assert to("server", AmqpConversation([]).from_client(broken)) == broken


def test_a_message_s_frames_have_its_method_s_name() -> None:
    names = [unit.name for unit in AmqpStream(greets=True).feed(HELLO + MESSAGE + frame(8, 0, b""))]
    publish = ["basic.publish", "basic.publish.header", "basic.publish.body", "basic.publish.end"]
    assert names == ["header", *publish, "heartbeat"]


def test_the_connection_is_cut_before_the_last_frame_of_a_body() -> None:
    steps = begun(rule("cut", "basic.publish.end")).from_client(MESSAGE)
    assert to("server", steps) == MESSAGE[: -len(frame(3, 1, b"second"))]
    assert is_cut(steps)


def test_a_text_is_looked_for_in_the_header_of_a_body_s_frame_too() -> None:
    size = struct.pack(">HHQH", 60, 0, 1, 0)
    sent = [
        PUBLISH + frame(2, 1, size + name) + frame(3, 1, b"x") for name in (b"mail.tell", b"payments.pay")
    ]
    steps = begun(rule("cut", "basic.publish.end", where="payments.pay")).from_client(b"".join(sent))
    assert (to("server", steps), is_cut(steps)) == (b"".join(sent)[: -len(frame(3, 1, b"x"))], True)


def test_what_the_server_sends_by_itself_can_be_cut_and_held() -> None:
    deliver = method(60, 60, b"\x01c" + struct.pack(">QB", 7, 0) + b"\0\0")
    steps = begun(rule("cut", "basic.deliver", sender="server")).from_server(deliver + content(b"x"))
    assert (to("client", steps), is_cut(steps)) == (b"", True)
    talk = begun(rule("hold", "basic.deliver", sender="server"))
    assert to("client", talk.from_server(deliver + content(b"x"))) == b""
    assert to("client", talk.release(1)) == deliver + content(b"x")


@pytest.mark.parametrize(
    "confirmation", [ack(1), ack(3, several=True), method(60, 120, struct.pack(">QB", 1, 0))]
)
def test_the_confirmation_of_a_publish_is_lost(confirmation: bytes) -> None:
    talk = begun(rule("lose", "basic.publish"), confirms=True)
    assert to("server", talk.from_client(MESSAGE * 3)) == MESSAGE * 3
    steps = talk.from_server(confirmation)
    assert (to("client", steps), is_cut(steps), struck(steps)) == (b"", True, ["basic.publish"])


def test_the_confirmation_of_another_is_not() -> None:
    talk = begun(rule("lose", "basic.publish", nth=2), confirms=True)
    talk.from_client(MESSAGE * 2)
    assert to("client", talk.from_server(ack(1))) == ack(1)
    assert is_cut(talk.from_server(ack(2)))


def test_a_publish_without_confirms_has_no_reply_to_lose() -> None:
    lost = rule("lose", "basic.publish")
    begun(lost).from_client(MESSAGE)
    assert lost.seen == 0


def test_the_answer_of_a_method_is_lost() -> None:
    talk = begun(rule("lose", "queue.declare"))
    talk.from_client(method(50, 10, b"\0\0\x01q\0\0\0\0\0"))
    assert is_cut(talk.from_server(method(50, 11, b"\x01q" + b"\0" * 8)))


def test_a_message_twice_is_confirmed_once_and_the_next_by_the_client_s_own_count() -> None:
    talk = begun(rule("twice", "basic.publish"), confirms=True)
    assert to("server", talk.from_client(MESSAGE + MESSAGE)) == MESSAGE * 3
    assert to("client", talk.from_server(ack(1) + ack(2) + ack(3))) == ack(1) + ack(2)
    several = begun(rule("twice", "basic.publish"), confirms=True)
    several.from_client(MESSAGE + MESSAGE)
    assert to("client", several.from_server(ack(3, several=True))) == ack(2, several=True)


def test_an_empty_message_twice_is_complete_with_its_header() -> None:
    empty = PUBLISH + content()
    assert to("server", begun(rule("twice", "basic.publish")).from_client(empty)) == empty * 2


def test_a_method_twice_is_answered_once() -> None:
    declare, declared = method(50, 10, b"\0\0\x01q\0\0\0\0\0"), method(50, 11, b"\x01q" + b"\0" * 8)
    talk = begun(rule("twice", "queue.declare"))
    assert to("server", talk.from_client(declare)) == declare * 2
    assert to("client", talk.from_server(declared + declared)) == declared
    assert to("client", talk.from_server(declared)) == declared


def test_an_error_closes_the_channel_on_both_sides_and_it_can_be_opened_again() -> None:
    talk = begun(rule("error", "basic.publish", error="404 NOT_FOUND"))
    steps = talk.from_client(MESSAGE)
    close = method(20, 40, struct.pack(">HB", 404, 9) + b"NOT_FOUND" + struct.pack(">HH", 60, 40))
    assert (to("client", steps), to("server", steps)) == (close, close)
    closed = method(20, 41)
    assert to("client", talk.from_server(closed)) == b""
    assert to("server", talk.from_client(MESSAGE + closed + method(20, 10, b"\0"))) == method(20, 10, b"\0")
    assert to("client", talk.from_server(method(20, 11, b"\0\0\0\0"))) == method(20, 11, b"\0\0\0\0")


def test_what_the_server_still_sends_on_a_closed_channel_does_not_arrive() -> None:
    talk = begun(rule("error", "basic.publish"))
    talk.from_client(MESSAGE + method(20, 41) + method(20, 10, b"\0"))
    assert (
        to("client", talk.from_server(SELECTED + method(20, 41) + method(20, 11, b"\0\0\0\0"))).count(b"\xce")
        == 1
    )


def test_a_hard_error_closes_the_connection_in_order() -> None:
    steps = begun(rule("error", "basic.publish", error="320 CONNECTION_FORCED")).from_client(MESSAGE)
    assert to("client", steps)[7:11] == struct.pack(">HH", 10, 50)
    assert [step.reset for step in steps if isinstance(step, Cut)] == [False]
