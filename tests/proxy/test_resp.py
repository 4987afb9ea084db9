"""Redis protocol: values are found however they were cut, and single commands are struck."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harness.proxy.resp import DISCARD, UNKNOWN, RespConversation, RespStream
from harness.proxy.rules import Rule
from tests.proxy.talk import carried, is_cut, pieces, rule, struck, to


def encoded(value: Any) -> bytes:
    """A value as a server of RESP 3 sends it; tuples are arrays, sets maps' pairs."""
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, bool):
        return b"#t\r\n" if value else b"#f\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    if isinstance(value, dict):
        pairs = b"".join(encoded(key) + encoded(each) for key, each in value.items())
        return b"%%%d\r\n%b" % (len(value), pairs)
    if isinstance(value, frozenset):
        return b"~%d\r\n%b" % (len(value), b"".join(map(encoded, value)))
    return b"*%d\r\n%b" % (len(value), b"".join(map(encoded, value)))


def command(*words: bytes | str) -> bytes:
    return encoded(tuple(word.encode() if isinstance(word, str) else word for word in words))


scalars = some.none() | some.booleans() | some.integers() | some.binary(max_size=40)
values = some.recursive(
    scalars,
    lambda inner: (
        some.lists(inner, max_size=4).map(tuple)
        | some.dictionaries(some.binary(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)
cuts = some.lists(some.integers(0, 500), max_size=8)


@given(some.lists(values, max_size=6), cuts)
def test_every_value_is_found_whole_and_in_order_however_it_was_cut(
    sent: list[Any], places: list[int]
) -> None:
    stream = RespStream()
    wire = [encoded(value) for value in sent]
    found = [unit.raw for piece in pieces(b"".join(wire), places) for unit in stream.feed(piece)]
    assert (found, bytes(stream.buffer), stream.broken) == (wire, b"", False)


@given(some.lists(some.lists(some.binary(max_size=30), min_size=1, max_size=5), max_size=6), cuts, cuts)
def test_without_rules_both_sides_get_what_was_sent(
    sent: list[list[bytes]], a: list[int], b: list[int]
) -> None:
    requests = b"".join(command(*words) for words in sent)
    replies = b"+OK\r\n" * len(sent)
    assert carried(RespConversation([]), pieces(requests, a), pieces(replies, b)) == (requests, replies)


@given(some.binary(max_size=60), cuts)
def test_what_is_not_the_protocol_is_carried_all_the_same(junk: bytes, places: list[int]) -> None:
    talk = RespConversation([rule("cut", "PING")])
    sent = b"\x16\x03\x01" + junk
    assert carried(talk, pieces(sent, places), [b"\x16\x03answer"]) == (sent, b"\x16\x03answer")


def test_what_came_before_bytes_that_are_no_value_is_passed_on_with_them() -> None:
    talk = RespConversation([])
    assert to("server", talk.from_client(command("PING") + b"\x00junk")) == command("PING") + b"\x00junk"
    assert to("server", talk.from_client(b"more")) == b"more"


@pytest.mark.parametrize("after", [False, True])
def test_the_nth_command_of_a_kind_is_cut_before_or_after(after: bool) -> None:
    talk = RespConversation([rule("cut", "LPUSH", nth=2, after=after)])
    sent = [
        command("LPUSH", "q", "1"),
        command("PING"),
        command("LPUSH", "q", "2"),
        command("LPUSH", "q", "3"),
    ]
    steps = talk.from_client(b"".join(sent))
    assert to("server", steps) == b"".join(sent[: 3 if after else 2])
    assert is_cut(steps)
    assert struck(steps) == ["LPUSH"]
    assert talk.from_client(command("PING")) == talk.from_server(b"+PONG\r\n") == []


def test_only_commands_with_the_text_count() -> None:
    talk = RespConversation([rule("cut", "LPUSH", where="payments")])
    assert not is_cut(talk.from_client(command("LPUSH", "mail", "1")))
    assert is_cut(talk.from_client(command("lpush", "payments", "1")))


def test_a_rule_counts_over_all_connections() -> None:
    rules = [rule("cut", "PING", nth=2)]
    assert not is_cut(RespConversation(rules).from_client(command("PING")))
    assert is_cut(RespConversation(rules).from_client(command("PING")))


def test_a_reply_is_lost_and_those_before_it_are_not() -> None:
    talk = RespConversation([rule("lose", "BRPOP")])
    steps = talk.from_client(command("PING") + command("BRPOP", "q", "0") + command("GET", "x"))
    assert not struck(steps)
    steps = talk.from_server(b"+PONG\r\n" + command("q", "message") + b"$-1\r\n")
    assert (to("client", steps), is_cut(steps), struck(steps)) == (b"+PONG\r\n", True, ["BRPOP"])


def test_the_reply_that_has_the_text_is_lost_and_not_an_empty_one_before_it() -> None:
    lost = rule("lose", "BRPOP", where="payments.pay")
    talk = RespConversation([])
    talk.rules = [lost]
    assert not is_cut(talk.from_client(command("BRPOP", "q", "1")) + talk.from_server(b"*-1\r\n"))
    talk.from_client(command("BRPOP", "q", "1"))
    assert is_cut(talk.from_server(command("q", "payments.pay")))
    assert lost.seen == 1


def test_the_reply_of_a_command_that_already_waits_when_the_rule_comes_is_lost() -> None:
    rules: list[Rule] = []
    talk = RespConversation(rules)
    talk.from_client(command("BRPOP", "q", "0"))
    rules.append(rule("lose", "BRPOP"))
    assert is_cut(talk.from_server(command("q", "message")))


def test_twice_the_command_is_once_the_reply() -> None:
    talk = RespConversation([rule("twice", "LPUSH")])
    steps = talk.from_client(command("LPUSH", "q", "1") + command("PING"))
    assert to("server", steps) == command("LPUSH", "q", "1") * 2 + command("PING")
    assert to("client", talk.from_server(b":1\r\n:2\r\n+PONG\r\n")) == b":1\r\n+PONG\r\n"


TRANSACTION = [command("MULTI"), command("SETEX", "a", "9", "paid"), command("PUBLISH", "a", "x")]
QUEUED = b"+OK\r\n" + b"+QUEUED\r\n" * 2 + b"*2\r\n+OK\r\n:0\r\n"


@pytest.mark.parametrize("where", ["", "paid"])
def test_a_transaction_is_repeated_from_its_beginning(where: str) -> None:
    talk = RespConversation([rule("twice", "EXEC", where=where)])
    sent = [*TRANSACTION, command("EXEC")]
    steps = [step for each in sent for step in talk.from_client(each)]
    assert to("server", steps) == b"".join(sent) * 2
    steps = talk.from_client(command("PING")) + talk.from_server(QUEUED * 2 + b"+PONG\r\n")
    assert to("client", steps) == QUEUED + b"+PONG\r\n"
    assert to("server", talk.from_client(b"".join(sent))) == b"".join(sent), "one, as was said"


@pytest.mark.parametrize("name", ["MULTI", "SETEX"])
def test_one_command_of_a_transaction_is_not(name: str) -> None:
    talk = RespConversation([rule("twice", name)])
    sent = b"".join([*TRANSACTION, command("EXEC")])
    assert to("server", talk.from_client(sent)) == sent
    alone = command(name, "a", "9", "paid")
    assert to("server", talk.from_client(alone)) == alone * (1 if name == "MULTI" else 2)


@pytest.mark.parametrize(("first", "times"), [("WATCH", 1), ("UNWATCH", 2), ("GET", 2)])
def test_a_transaction_that_depends_on_a_key_is_not_repeated(first: str, times: int) -> None:
    talk = RespConversation([rule("twice", "EXEC", times=2)])
    sent = b"".join([*TRANSACTION, command("EXEC")])
    before = command("WATCH", "b") + command(first, "b") if first != "GET" else command("GET", "b")
    assert to("server", talk.from_client(before + sent)) == before + sent * times
    assert to("server", talk.from_client(sent)) == sent * 2, "the next one depends on nothing"


def test_a_transaction_of_which_a_command_was_refused_is_not_repeated() -> None:
    talk = RespConversation([rule("error", "SETEX"), rule("twice", "EXEC")])
    sent = b"".join([*TRANSACTION, command("EXEC")])
    assert to("server", talk.from_client(sent)).count(b"EXEC") == 1


def test_the_text_may_be_anywhere_in_the_transaction() -> None:
    sent = b"".join([*TRANSACTION, command("EXEC")])
    assert is_cut(RespConversation([rule("cut", "EXEC", where="paid")]).from_client(sent))
    assert not is_cut(RespConversation([rule("cut", "EXEC", where="lost")]).from_client(sent))
    talk = RespConversation([rule("lose", "EXEC", where="paid")])
    talk.from_client(sent + command("DISCARD") + command("EXEC"))
    assert is_cut(talk.from_server(QUEUED))


def test_an_error_takes_the_reply_s_place_in_the_order() -> None:
    talk = RespConversation([rule("error", "SET", error="OOM no room\r\n")])
    steps = talk.from_client(command("GET", "a") + command("SET", "a", "1") + command("GET", "b"))
    assert to("server", steps) == command("GET", "a") + UNKNOWN + command("GET", "b")
    replies = talk.from_server(b"$-1\r\n-ERR unknown command\r\n$-1\r\n")
    assert to("client", replies) == b"$-1\r\n-OOM no room  \r\n$-1\r\n"


def test_an_error_at_exec_leaves_no_transaction_open() -> None:
    talk = RespConversation([rule("error", "EXEC")])
    steps = talk.from_client(command("MULTI") + command("INCR", "n") + command("EXEC"))
    assert to("server", steps).endswith(DISCARD)
    replies = talk.from_server(b"+OK\r\n+QUEUED\r\n+OK\r\n")
    assert to("client", replies) == b"+OK\r\n+QUEUED\r\n-ERR ordered by the harness\r\n"


def test_what_is_held_goes_on_in_order_and_replies_flow_meanwhile() -> None:
    talk = RespConversation([rule("hold", "SET")])
    steps = talk.from_client(command("GET", "a") + command("SET", "a", "1"))
    steps += talk.from_client(command("GET", "b"))
    assert to("server", steps) == command("GET", "a")
    assert talk.holds("client")
    assert to("client", talk.from_server(b"$-1\r\n")) == b"$-1\r\n"
    assert to("server", talk.release(1)) == command("SET", "a", "1") + command("GET", "b")
    assert not talk.holds("client")


@pytest.mark.parametrize("push", [False, True])
def test_messages_that_come_unasked_are_no_replies(push: bool) -> None:
    talk = RespConversation([rule("lose", "PING")])
    talk.from_client(command("SUBSCRIBE", "c") + command("PING"))
    news = command("subscribe", "c") + command("message", "c", "text")
    news = news.replace(b"*", b">", 1) if push else news
    steps = talk.from_server(news)
    assert (to("client", steps), is_cut(steps)) == (news, False)
    assert is_cut(talk.from_server(command("pong", "")))


def test_the_reply_of_a_subscription_cannot_be_lost() -> None:
    talk = RespConversation([rule("lose", "SUBSCRIBE")])
    talk.from_client(command("SUBSCRIBE", "c"))
    assert not is_cut(talk.from_server(command("subscribe", "c")))


def test_an_inline_command_and_an_attribute_are_values() -> None:
    assert [unit.name for unit in RespStream().feed(b"PING\r\n" + command("GET", "a"))] == ["PING", "GET"]
    annotated = b"|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n"
    assert [unit.raw for unit in RespStream().feed(annotated + b":1\r\n")] == [annotated, b":1\r\n"]
