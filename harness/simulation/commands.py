"""How a simulated Redis server executes a command: by fakeredis, without what comes out the same each time.

fakeredis finds a command and the types of its arguments anew each time, and writes the keyspace events of
each key although nobody listens. Here commands and types are looked up once, and keys that were only read are
not written back. Whatever is not plain (scripts, subscribers, users with few rights, replies that are
switched off) is left to fakeredis (`fakeredis/_socket/_base.py`, `_process_command` and `_run_command`).
"""

from __future__ import annotations

import time
from typing import Any

from harness.simulation.absent import absent

with absent("valkey"):
    from fakeredis import _msgs
    from fakeredis._commands import COMMANDS_WITH_SUB, SUPPORTED_COMMANDS, Key, Signature
    from fakeredis._core import CommandItem
    from fakeredis._helpers import QUEUED, NoResponse, SimpleError, SimpleString
    from fakeredis._socket import FakeSocket
    from fakeredis._socket._notifications import KEYSPACE_EVENT_NAMES
    from fakeredis._socket._resp import convert_to_resp2, valid_response_type
    from fakeredis.model import Hash

AS_THEY_ARE = frozenset((bytes, int, type(None), SimpleString, NoResponse))
"""Types of results that are the same in every protocol."""
ANY = b"_*?[\\"
"""How a pattern begins that may match channels of keyspace events, ``__keyspace@0__:...``
(https://redis.io/docs/latest/develop/use/keyspace-notifications/)."""

_signatures: dict[bytes, tuple[str, Any] | None] = {}
_plans: dict[tuple[str, int], Plan | None] = {}


class Plan:
    """What is done with so many arguments of a command before it is executed (`Signature.apply`)."""

    __slots__ = ("first", "keeps_empty", "keys", "plain")

    def __init__(self, sig: Signature, count: int) -> None:
        repeated: Any = sig.repeat
        types: list[Any] = list(sig.fixed)
        types += [repeated[place % len(repeated)] for place in range(count - len(types))]
        self.keys = [(place, kind) for place, kind in enumerate(types) if isinstance(kind, Key)]
        self.first = [
            (place, kind, isinstance(kind, Key))
            for place, kind in enumerate(types)
            if (kind.missing_return is not Key.UNSPECIFIED if isinstance(kind, Key) else kind is not bytes)
        ]
        """What has to be converted, and keys without which there is an answer already."""
        self.keeps_empty = _msgs.FLAG_LEAVE_EMPTY_VAL in sig.flags
        self.plain = _msgs.FLAG_SKIP_CONVERT_TO_RESP2 in sig.flags


def _signature(name: bytes) -> tuple[str, Any] | None:
    """A command's name and signature, by its name as it was sent; None where that is not all of its name."""
    if name not in _signatures:
        command = name.decode(errors="replace").lower()
        sig: Any = SUPPORTED_COMMANDS.get(command)
        known = sig is not None and command not in COMMANDS_WITH_SUB and "redis" in sig.server_types
        _signatures[name] = (command, sig) if known else None
    return _signatures[name]


def _plan(sig: Any, count: int) -> Plan | None:
    """None where a command does not take so many arguments."""
    key = (sig.name, count)
    if key not in _plans:
        try:
            sig.check_arity([None] * count, (7, 4))
        except SimpleError:
            _plans[key] = None
        else:
            _plans[key] = Plan(sig, count)
    return _plans[key]


class ExecutingSocket(FakeSocket):
    """The server's side of one connection."""

    def _process_command(self, fields: list[bytes]) -> None:
        found = _signature(fields[0]) if fields else None
        if found is None or not self._is_plain() or _plan(found[1], len(fields) - 1) is None:
            super()._process_command(fields)
            return
        sig, arguments = found[1], fields[1:]
        function = getattr(self, sig.func_name, None)
        now_s = time.time()
        for database in self._server.dbs.values():
            database.time = now_s
        if self._queueing and _msgs.FLAG_TRANSACTION not in sig.flags:
            waiting: Any = self._transaction
            waiting.append((function, sig, arguments))
            result: Any = QUEUED
        else:
            result = self._run_command(function, sig, arguments, False)
        if not isinstance(result, NoResponse):
            self.put_response(result if type(result) is bytes else self._decode_result(result))

    def _is_plain(self) -> bool:
        """Whether nothing but the command itself has to be looked at."""
        server = self._server
        if server.closed_sockets or self._reply_off or self._reply_skip or self._reply_skip_next:
            return False
        user = server.acl._user_acl.get(self._client_info.user)
        return user is None or bool(user.enabled and user.unrestricted())

    def _run_command(self, func: Any, sig: Any, args: list[Any], from_script: bool) -> Any:  # noqa: FBT001
        plan = _plan(sig, len(args))
        if from_script or self._pubsub or self._script_resp is not None or plan is None:
            return super()._run_command(func, sig, args, from_script)
        self._subkey_events = []
        items: list[Any] = []
        try:
            answer, given = self._given(sig, plan, args, items)
            if given is None:
                return self._left(sig, plan, [], answer)
            answer = self._shaped(plan, func(*given))
        except SimpleError as error:
            answer = error
        return self._left(sig, plan, items, answer)

    def _given(self, sig: Any, plan: Plan, args: list[Any], items: list[Any]) -> tuple[Any, list[Any] | None]:
        """The arguments as the command takes them; without them the answer, where a key is not there."""
        database, given = self._db, list(args)
        for place, kind, is_key in plan.first:
            if not is_key:
                given[place] = kind.decode(given[place])
            elif given[place] not in database:
                return kind.missing_return, None
        taken = []
        for place, kind in plan.keys:
            key, wanted, default = given[place], kind.type_, None
            item = database.get(key)
            if wanted is not None:
                if item is not None and type(item.value) is not wanted:
                    raise SimpleError(_msgs.WRONGTYPE_MSG)
                if item is None and wanted is not bytes and _msgs.FLAG_DO_NOT_CREATE not in sig.flags:
                    default = wanted()
            given[place] = CommandItem(key, database, item, default=default)
            taken.append(given[place])
        items += taken
        return None, given

    def _shaped(self, plan: Plan, answer: Any) -> Any:
        """The answer as the client's protocol has it."""
        if plan.plain or type(answer) in AS_THEY_ARE:
            return answer
        protocol = self._client_info.protocol_version
        if protocol == 2:
            answer = convert_to_resp2(answer, "redis")
        if not valid_response_type(answer, protocol):
            raise AssertionError(f"Invalid response type for {answer}")
        return answer

    def _left(self, sig: Any, plan: Plan, items: list[Any], answer: Any) -> Any:
        """Keys that were changed are written back, and who listens hears of it."""
        hashes = False
        for item in items:
            if item.is_modified:
                item.writeback(remove_empty_val=not plan.keeps_empty)
            hashes = hashes or isinstance(item.value, Hash)
        if any(self._is_heard(sig.name, item.key) for item in items if item.is_modified):
            self._keyspace_notifications(items, sig.name.encode())
        if hashes or self._subkey_events:
            self._subkey_notifications(items)
        return answer

    def _is_heard(self, command: str, key: bytes) -> bool:
        """Whether somebody may have subscribed to the keyspace events of this key."""
        server = self._server
        if any(pattern[:1] in ANY for pattern in server.psubscribers):
            return True
        name = KEYSPACE_EVENT_NAMES.get(command.encode(), command.encode())
        channels = (b"__keyspace@%d__:%s" % (self._db_num, key), b"__keyevent@%d__:%s" % (self._db_num, name))
        return channels[0] in server.subscribers or channels[1] in server.subscribers
