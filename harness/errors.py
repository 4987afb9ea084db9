"""The errors that a user can meet, each with its exit status.

::

    HarnessError                exit status 2
    ├── UsageError              bad input: an option, a path, a run that is not there
    │   ├── AppError            the app cannot be found or raises at import
    │   └── ContractError       the contract file is broken or does not fit the app
    ├── StageError              the machine lacks something, or something did not start
    ├── InterlockError          the app would reach something that the stage did not start
    └── HistoryError            exit status 3: the record has a hole, nothing can be judged
        └── DeadlineExceeded    exit status 3: a bounded wait ran out
            └── WarpStalled     somebody kept working, so that virtual time could not jump

A broken guarantee is data (`harness.verdict`), never an exception: an exception means that we
could not judge.
"""

from __future__ import annotations

from typing import ClassVar


class HarnessError(Exception):
    """The root: a message that states the fact and then what to do."""

    exit_status: ClassVar[int] = 2

    def __init__(self, fact: str, *, remedy: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.fact} {self.remedy}".strip()


class UsageError(HarnessError):
    """Bad input from the user."""


class AppError(UsageError):
    """The app under test cannot be found, or raises when it is imported."""


class ContractError(UsageError):
    """The contract cannot be read, or promises something impossible."""


class StageError(HarnessError):
    """The stage cannot be had on this machine, or a part of it did not start."""


class InterlockError(HarnessError):
    """The app under test would reach something that the stage did not start."""


class HistoryError(HarnessError):
    """The record of a run is cut, unreadable, or of another schema."""

    exit_status: ClassVar[int] = 3


class DeadlineExceeded(HistoryError):
    """A bounded wait ran out; the message says what was waited for."""
