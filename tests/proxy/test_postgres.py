"""PostgreSQL: messages are found however they were cut; statements are struck by their first word."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harness.proxy.postgres import PostgresConversation, RequestStream, first_word
from harness.proxy.rules import Rule
from tests.proxy.talk import carried, is_cut, pieces, rule, struck, to

cuts = some.lists(some.integers(0, 300), max_size=8)


def message(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack(">I", len(body) + 4) + body


def query(sql: str) -> bytes:
    return message("Q", sql.encode() + b"\0")


def extended(sql: str) -> bytes:
    return message("P", b"\0" + sql.encode() + b"\0\0\0") + message("B") + message("E") + message("S")


STARTUP = struct.pack(">II", 17, 196608) + b"user\0app\0"
STARTUP = struct.pack(">I", len(STARTUP)) + STARTUP[4:]
SSL = struct.pack(">II", 8, 80877103)
READY = message("Z", b"I")
DONE = message("C", b"COMMIT\0")


def begun(*rules: Rule) -> PostgresConversation:
    talk = PostgresConversation(list(rules))
    talk.from_client(STARTUP)
    talk.from_server(message("R", b"\0\0\0\0") + READY)
    return talk


@given(some.lists(some.binary(max_size=30), max_size=5), some.booleans(), cuts)
def test_without_rules_both_sides_get_what_was_sent(
    bodies: list[bytes], asks: bool, places: list[int]
) -> None:
    sent = STARTUP + b"".join(message("Q", body + b"\0") for body in bodies)
    answered = message("R", b"\0\0\0\0") + READY + (DONE + READY) * len(bodies)
    talk = PostgresConversation([])
    if asks:
        assert to("server", talk.from_client(SSL)) == SSL
        assert to("client", talk.from_server(b"N")) == b"N"
    assert carried(talk, pieces(sent, places), pieces(answered, places)) == (sent, answered)


def test_every_message_is_named() -> None:
    sent = SSL + STARTUP + query("-- why\n commit") + extended("(select 1)") + query("") + message("X")
    stream = RequestStream()
    found = [unit.name for piece in pieces(sent, range(0, 100, 3)) for unit in stream.feed(piece)]
    known = ["ssl-request", "startup", "COMMIT", "SELECT", "bind", "execute", "sync", "query", "terminate"]
    assert found == known


def test_what_is_encrypted_is_carried_all_the_same() -> None:
    talk = PostgresConversation([rule("cut", "COMMIT")])
    talk.from_client(SSL)
    assert to("client", talk.from_server(b"S")) == b"S"
    assert to("server", talk.from_client(b"\x16\x03\x01")) == b"\x16\x03\x01"
    assert to("client", talk.from_server(b"\x16\x03\x01")) == b"\x16\x03\x01"


def test_a_commit_is_cut_before_it_arrives() -> None:
    steps = begun(rule("cut", "COMMIT")).from_client(query("COMMIT"))
    assert (to("server", steps), is_cut(steps)) == (b"", True)


@pytest.mark.parametrize("sent", [query("COMMIT"), extended("COMMIT")])
def test_the_reply_of_a_commit_is_lost(sent: bytes) -> None:
    talk = begun(rule("lose", "COMMIT"))
    assert to("server", talk.from_client(sent)) == sent
    steps = talk.from_server(DONE)
    assert (to("client", steps), is_cut(steps)) == (b"", False)
    steps = talk.from_server(READY)
    assert (is_cut(steps), struck(steps)) == (True, ["COMMIT"])


@pytest.mark.parametrize("sent", [query("INSERT"), extended("INSERT")])
def test_twice_the_statement_is_once_the_answer(sent: bytes) -> None:
    talk = begun(rule("twice", "INSERT"))
    assert to("server", talk.from_client(sent + query("SELECT"))) == sent * 2 + query("SELECT")
    answers = [message("C", b"INSERT 0 1\0") + READY] * 2 + [message("C", b"SELECT 1\0") + READY]
    assert to("client", talk.from_server(b"".join(answers))) == answers[0] + answers[2]


REFUSED = message("E", b"SERROR\0C23505\0Mtaken\0\0")
INSERTED = message("C", b"INSERT 0 1\0")


def ready(status: str) -> bytes:
    return message("Z", status.encode())


@pytest.mark.parametrize(
    ("answers", "gets"),
    [
        (INSERTED + ready("T") + INSERTED + ready("T"), INSERTED + ready("T")),
        (INSERTED + ready("T") + REFUSED + ready("E"), INSERTED + REFUSED + ready("E")),
        (INSERTED + ready("I") + REFUSED + ready("I"), INSERTED + ready("I")),
        (REFUSED + ready("E") + REFUSED + ready("E"), REFUSED + ready("E")),
    ],
    ids=["both", "transaction lost by the second", "second alone refused", "neither"],
)
def test_the_client_knows_the_state_of_its_transaction_behind_both(answers: bytes, gets: bytes) -> None:
    talk = begun(rule("twice", "INSERT"))
    talk.from_client(query("INSERT"))
    assert to("client", talk.from_server(answers)) == gets
    talk.from_client(query("SELECT"))
    assert to("client", talk.from_server(DONE + READY)) == DONE + READY


def test_what_comes_unasked_between_both_is_not_kept() -> None:
    talk = begun(rule("twice", "INSERT"))
    talk.from_client(query("INSERT"))
    news = message("A", b"news") + message("S", b"name\0value\0")
    steps = talk.from_server(INSERTED + READY + message("N", b"notice") + news + INSERTED + READY)
    assert to("client", steps) == INSERTED + news + READY


def test_what_cannot_be_repeated_is_not() -> None:
    talk = begun(rule("twice", "COPY"), rule("twice", "INSERT"))
    named = message("P", b"later\0INSERT\0\0\0") + message("S")
    assert to("server", talk.from_client(query("COPY") + named)) == query("COPY") + named
    assert to("server", talk.from_client(extended("INSERT"))) == extended("INSERT") * 2


@pytest.mark.parametrize("sent", [query("COMMIT"), extended("COMMIT")])
def test_an_error_comes_in_the_words_that_were_ordered(sent: bytes) -> None:
    talk = begun(rule("error", "COMMIT", error="40001 could not serialize"))
    steps = talk.from_client(sent)
    assert b"ORDERED BY THE HARNESS" in to("server", steps)
    assert b"COMMIT" not in to("server", steps)
    answer = to("client", talk.from_server(message("E", b"SERROR\0C42601\0Msyntax\0\0") + message("Z", b"E")))
    assert b"C40001\0" in answer
    assert b"Mcould not serialize\0" in answer
    assert answer.endswith(message("Z", b"E"))


def test_what_is_held_goes_on() -> None:
    talk = begun(rule("hold", "COMMIT"))
    assert to("server", talk.from_client(query("BEGIN") + query("COMMIT"))) == query("BEGIN")
    assert to("server", talk.release(1)) == query("COMMIT")


def test_a_statement_s_first_word_is_behind_its_comments() -> None:
    assert first_word(b"/* a */ -- b\n  (select 1)") == "SELECT"
    assert first_word(b" ; ") == ""
