"""The mail server of a simulated world: SMTP by lines (RFC 5321), misbehaving as it is told."""

from __future__ import annotations

import email
import email.policy
import io
import smtplib
import socket
from typing import Any

from harness.mail_digest import digest
from harness.simulation.clock import CLOCK
from harness.simulation.descriptors import Descriptor

TEXT_LIMIT = 8_000
CRLF = b"\r\n"
STEPS = {b"EHLO": "ehlo", b"HELO": "ehlo", b"MAIL": "mail", b"RCPT": "rcpt"}
REPLIES = {"ehlo": b"250 ready", "mail": b"250 ok", "rcpt": b"250 ok"}


class MailServer:
    """Keeps every mail that it accepts."""

    def __init__(self) -> None:
        self.mode, self.code, self.at = "accept", 250, "end"
        self.mails: list[dict[str, Any]] = []

    def behave(self, mode: str, code: int, at: str) -> None:
        """From now on (`harness.stage.Mail`)."""
        self.mode, self.code, self.at = mode, code, at

    def ordered(self, step: str) -> str:
        """What is to be done at a step."""
        return self.mode if self.mode != "refuse" and self.at == step else "accept"


class Session(Descriptor):
    """One connection: what `smtplib` takes for a socket."""

    def __init__(self, server: MailServer, timeout: float | None) -> None:
        super().__init__()
        self.server = server
        self.timeout = timeout
        self.buffer = b""
        self.answers = bytearray()
        self.dropped = self.ended = False
        self.letter: dict[str, Any] | None = None
        self.to: list[str] = []
        self.sender = ""
        self._step("connect", b"220 stage ESMTP")

    def readable(self) -> bool:
        """Whether there is an answer, or the end."""
        return bool(self.answers) or self.dropped or self.ended

    def _say(self, line: bytes) -> None:
        self.answers += line + CRLF
        self.notify()

    def _step(self, step: str, answer: bytes) -> None:
        """Answer at a step, or do what is ordered for it."""
        mode = self.server.ordered(step)
        if mode == "hang":
            self.buffer, self.ended = b"", False
            self.silent = True
            return
        if mode == "drop":
            self.dropped = True
            self.notify()
            return
        if mode == "reply":
            self._say(f"{self.server.code} ordered by the harness".encode())
            if self.server.code == 421 or step == "connect":
                self.ended = True
            return
        self._say(answer)

    silent = False

    def sendall(self, data: bytes) -> None:
        """The client says something."""
        if self.dropped or self.ended:
            raise ConnectionResetError(104, "Connection reset by peer")
        self.buffer += bytes(data)
        while not self.silent and not self.dropped:
            if self.letter is not None:
                head, dot, rest = self.buffer.partition(CRLF + b"." + CRLF)
                if not dot:
                    return
                self.buffer = rest
                self._letter(head)
                continue
            line, end, rest = self.buffer.partition(CRLF)
            if not end:
                return
            self.buffer = rest
            self._line(line)

    def _line(self, line: bytes) -> None:
        word = line[:4].upper()
        if word in STEPS:
            if word == b"MAIL":
                self.sender, self.to = _address(line), []
            before = len(self.answers)
            self._step(STEPS[word], REPLIES[STEPS[word]])
            if word == b"RCPT" and self.answers[before:].startswith(b"250"):
                self.to.append(_address(line))
        elif word == b"DATA":
            ordered = self.server.ordered("data")
            self._step("data", b"354 end with .")
            self.letter = {} if ordered == "accept" else None
            middle = self.server.ordered("middle")
            self.dropped = self.dropped or middle == "drop"
            self.silent = self.silent or middle == "hang"
        elif word == b"QUIT":
            self._say(b"221 bye")
            self.ended = True
        else:
            self.letter = None
            self._say(b"250 ok")

    def _letter(self, raw: bytes) -> None:
        self.letter = None
        if self.server.ordered("end") != "accept":
            self._step("end", b"250 kept")
            return
        text = raw.replace(CRLF + b"..", CRLF + b".")
        self.server.mails.append(document(self.sender, self.to, text))
        self._step("stored", b"250 kept")

    def makefile(self, *_: Any, **__: Any) -> Any:
        """The end that is read."""
        return io.BufferedReader(Reader(self))

    def settimeout(self, timeout: float | None) -> None:
        """How long reading waits."""
        self.timeout = timeout

    def close(self) -> None:
        """The client is done."""
        self.forget()

    shutdown = lambda self, _how: None  # noqa: E731 - nothing is to be told


class Reader(io.RawIOBase):
    """Reads what the server said, waiting in virtual time."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Up to as many bytes as fit; 0 at the end."""
        session = self.session
        if not session.wait(session.timeout):
            raise TimeoutError("timed out")
        if session.answers:
            size = min(len(buffer), len(session.answers))
            buffer[:size] = session.answers[:size]
            del session.answers[:size]
            return size
        if session.dropped:
            raise ConnectionResetError(104, "Connection reset by peer")
        return 0


def document(sender: str, to: list[str], raw: bytes) -> dict[str, Any]:
    """What is kept of a mail, as `harness.mail_sink` keeps it."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    body = message.get_body(("plain", "html"))
    text = str(body.get_content()) if body is not None else ""
    return {
        "to": list(to), "sender": sender, "subject": str(message["subject"] or "")[:TEXT_LIMIT],
        "text": text.replace("\r\n", "\n")[:TEXT_LIMIT], "mono_ns": CLOCK.ns, "digest": digest(raw),
    }  # fmt: skip


def _address(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode("utf-8", "replace")


def install(server: MailServer) -> None:
    """After the interlock: whoever sends mail talks to this server."""
    socket_module: Any = socket

    def get_socket(_this: Any, _host: Any, _port: Any, timeout: Any) -> Session:
        if server.mode == "refuse":
            raise ConnectionRefusedError(111, "Connection refused")
        default = socket_module._GLOBAL_DEFAULT_TIMEOUT
        return Session(server, None if timeout is default else timeout)

    plain: Any = smtplib.SMTP
    secure: Any = smtplib.SMTP_SSL
    plain._get_socket = secure._get_socket = get_socket
    socket_module.getfqdn = lambda name="": name or "stage"  # smtplib would ask the resolver
