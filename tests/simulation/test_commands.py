"""A simulated Redis server answers as fakeredis does, whatever it has looked up before."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis
from fakeredis import FakeServer
from fakeredis._socket import FakeSocket

from harness.simulation.commands import ExecutingSocket
from harness.simulation.stores import Store

SESSIONS = {
    "strings": "SET a 1; GET a; get a; GeT missing; INCR a; APPEND a x; INCR a; STRLEN a",
    "wrong": "GET; GET a b; SET a; NONSENSE a; HSET h f; HSET h f 1 g; LPUSH l; ZADD z x y; ",
    "wrong types": "LPUSH l 1; GET l; HGET l f; SET s x; LPUSH s 1; ZADD l 1 a; SADD s a",
    "lists": "LPUSH l 1 2 3; RPOP l; LRANGE l 0 -1; BRPOP l 1; LLEN l; LREM l 0 2; EXISTS l",
    "hashes": "HSET h f 1 g 2; HGETALL h; HDEL h f g; EXISTS h; HINCRBY h n 3; HGET h n; HLEN h",
    "sorted sets": "ZADD z 1.5 a 2 b; ZSCORE z a; ZRANGE z 0 -1 WITHSCORES; ZREM z a b; TYPE z",
    "sets": "SADD s a; SADD s a b; SCARD s; SISMEMBER s b; SREM s a b; KEYS *",
    "expiry": "SET a 1 PX 100000; PTTL b; SETEX b 100 x; PERSIST b; TTL b; EXPIRE missing 1",
    "transactions": (
        "MULTI; SET a 1; LPUSH a 1; GET a; EXEC; MULTI; GET; SET b 2; EXEC; GET b; MULTI; SET c 3; "
        "DISCARD; EXEC; MULTI; MULTI; EXEC; WATCH a; SET a 4; MULTI; SET a 5; EXEC; GET a"
    ),
    "subscribers": "SUBSCRIBE x; GET a; PUBLISH x 1; PING; UNSUBSCRIBE; GET a",
    "keyspace events": (
        "SUBSCRIBE __keyspace@0__:a __keyevent@0__:set; /SET a 1; /GET a; /SET b 2; /DEL a; /DEL a; "
        "UNSUBSCRIBE; PSUBSCRIBE __key*; /SET c 1; /LPUSH l 1; /RPOP l; PUNSUBSCRIBE; PSUBSCRIBE "
        "[_]_keyspace*; /HSET h f 1; PUNSUBSCRIBE; PSUBSCRIBE celery.*; /SET d 1; PUBLISH celery.x 1"
    ),
    "scripts": "EVAL return(redis.call('SET',KEYS[1],ARGV[1])) 1 a 7; GET a; SCRIPT LOAD return(1)",
    "switched off": "CLIENT REPLY SKIP; SET a 1; GET a; CLIENT REPLY OFF; GET a; CLIENT REPLY ON; GET a",
    "few rights": (
        "ACL SETUSER u on nopass ~a* +get +multi +exec; AUTH u x; GET a; GET b; SET a 1; MULTI; SET a 1; EXEC"
    ),
    "databases": "SET a 1; SELECT 1; GET a; SET a 2; SELECT 0; GET a; FLUSHDB; DBSIZE",
}
"""Commands of one connection; ``/`` begins those of another one."""


def answers(kind: type[FakeSocket], session: str, protocol: int) -> list[str]:
    """What both connections get, one command after the other, and the keys that are there in the end."""
    server = FakeServer(version=(7, 4)) if kind is FakeSocket else Store("broker", 1)
    info = {"addr": "127.0.0.1:0", "laddr": "127.0.0.1:0", "name": "", "db": 0, "resp": protocol}
    own, other = (kind(server, 0, client_class=redis.Redis, client_info=info) for _ in range(2))
    found = []
    for line in session.split("; "):
        socket = other if line.startswith("/") else own
        socket._process_command([word.encode() for word in line.removeprefix("/").split()])
        for each in (own, other):
            answers: Any = each.responses
            while not answers.empty():
                found.append(f"{line}: {answers.get_nowait()!r}")
    kept = {key: (_shown(item.value), item.expireat) for key, item in server.dbs[0]._dict.items()}
    return [*found, repr(sorted(kept.items()))]


def _shown(value: Any) -> str:
    return str(vars(value)) if hasattr(value, "__dict__") else str(value)


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("session", SESSIONS)
def test_answers_and_keys_are_those_of_fakeredis(
    session: str, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both protocols, also for commands that are wrong, and again when all has been looked up."""
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    expected = answers(FakeSocket, SESSIONS[session], protocol)
    assert len(expected) > 2
    for _ in range(2):
        assert answers(ExecutingSocket, SESSIONS[session], protocol) == expected


def test_what_has_expired_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is there up to its time, and not after it, in transactions too."""
    info = {"addr": "127.0.0.1:0", "laddr": "127.0.0.1:0", "name": "", "db": 0, "resp": 2}
    socket = ExecutingSocket(Store("broker", 1), 0, client_class=redis.Redis, client_info=info)
    answers: Any = socket.responses
    for now_s, words, expected in (
        (100.0, "SET a 1 PX 1500", b"OK"),
        (101.5, "GET a", b"1"),
        (101.6, "GET a", None),
        (101.6, "EXISTS a", 0),
    ):
        monkeypatch.setattr(time, "time", lambda now_s=now_s: now_s)
        socket._process_command([word.encode() for word in words.split()])
        assert answers.get_nowait() == expected
