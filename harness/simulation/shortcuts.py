"""Work that comes out the same each time is done once; nothing that Celery does is changed by it."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Mapping
from typing import Any

from harness.simulation import tracebacks
from harness.simulation.tracebacks import identity


def before_imports() -> None:
    """What is installed is read from disk again and again: entry points for each result backend
    (`celery/app/backends.py`), redis-py's own version for each connection (`redis/driver_info.py`).
    """
    module: Any = importlib.metadata
    module.entry_points = functools.cache(importlib.metadata.entry_points)
    module.version = functools.cache(importlib.metadata.version)


def look_up() -> None:
    """What Celery and redis-py would look up later, now."""
    importlib.metadata.entry_points(group="celery.result_backends")
    importlib.metadata.version("redis")


def after_imports() -> None:
    """What failures and connections compute anew each time."""
    tracebacks.install()
    _bytecode_positions()
    _response_callbacks()
    _django_checks()
    _warnings_of_arguments()
    _clients()
    _cached_properties()


def _django_checks() -> None:
    """Each worker has Django check the project (`celery/fixups/django.py`, `validate_models`), which sets it
    up and looks through models, settings and URLs; what it finds is not looked at. Here they share it all.
    """
    from celery.fixups.django import DjangoWorkerFixup

    kind: Any = DjangoWorkerFixup
    original = kind.validate_models
    checked: list[Any] = []

    def validate_models(self: Any) -> None:
        if not checked:
            original(self)
            checked.append(self)

    kind.validate_models = validate_models


def _bytecode_positions() -> None:
    """For each failure billiard copies every position of the tracer's bytecode (`billiard/einfo.py`)."""
    from billiard import einfo

    kind: Any = getattr(einfo, "_Frame", None)
    original: Any = getattr(einfo, "_Code", None)
    if kind is None or original is None:
        return
    known: dict[int, tuple[Any, Any]] = {}

    def code(given: Any) -> Any:
        key = identity(given)
        if key not in known:
            known[key] = (original(given), given)  # it is kept, so that it stays the only one
        return known[key][0]

    kind.Code = staticmethod(code)


def _response_callbacks() -> None:
    """Each client of redis-py merges the callbacks of all commands, and writes their names in capitals
    (`redis/client.py`); kombu's Redis transport makes a client for nearly every command.
    """
    from redis import client

    module: Any = client
    kind: Any = getattr(module, "CaseInsensitiveDict", None)
    if kind is None:
        return
    capitals: dict[tuple[str, ...], tuple[str, ...]] = {}
    merged: dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, Any]]] = {}
    original: Any = getattr(module, "get_response_callbacks", None)

    def named(data: Mapping[str, Any]) -> dict[str, Any]:
        for given, ready in merged.values():
            if given is data:
                return ready
        names = tuple(data)
        if names not in capitals:
            capitals[names] = tuple(name.upper() for name in names)
        return dict(zip(capitals[names], data.values(), strict=True))

    def callbacks(*given: Any, **options: Any) -> dict[str, Any]:
        key = (*given, *options.items())
        if key not in merged:
            made = original(*given, **options)
            merged[key] = (made, named(made))
        return merged[key][0]

    if original is not None:
        module.get_response_callbacks = callbacks
    kind.__init__ = lambda this, data: dict.update(this, named(data))
    kind.update = lambda this, data: dict.update(this, named(data))


def _warnings_of_arguments() -> None:
    """Each client and pool of redis-py gathers all arguments that it was given, to warn of old ones
    (`redis/utils.py`, `deprecated_args`); most are given by name, or none at all.
    """
    from redis import utils

    module: Any = utils
    original: Any = getattr(module, "_get_filterable_args", None)
    if original is None:
        return
    plain: dict[Any, bool] = {}

    def given(function: Any, args: Any, options: Any, allowed: Any = None) -> dict[str, Any]:
        if function not in plain:
            code = function.__code__
            plain[function] = code.co_varnames[: code.co_argcount][:1] in ((), ("self",))
        if len(args) > 1 or not plain[function]:
            return dict(original(function, args, options, allowed))
        return {name: value for name, value in options.items() if name not in (allowed or ())}

    module._get_filterable_args = given


def _clients() -> None:
    """Kombu's Redis transport makes a client of redis-py for nearly every command (`conn_or_acquire` in
    `kombu/transport/redis.py`). With a pool to take its connections from, one is as good as the next.
    """
    from kombu.transport import redis

    kind: Any = redis.Channel
    original = kind._create_client

    def client(this: Any, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - as kombu has it
        if asynchronous:
            return original(this, asynchronous)
        kept = this.__dict__.get("_harness_client")
        if kept is None or kept.connection_pool is not this.pool:
            kept = this._harness_client = original(this)
        return kept

    kind._create_client = client


def _cached_properties() -> None:
    """Kombu takes a lock to read what has been computed long ago (`kombu/utils/objects.py`)."""
    from kombu.utils import objects

    kind: Any = objects.cached_property
    original = kind.__get__
    missing = object()

    def get(this: Any, instance: Any, owner: Any = None) -> Any:
        if instance is not None:
            found = instance.__dict__.get(this.attrname, missing)
            if found is not missing:
                return found
        return original(this, instance, owner)

    kind.__get__ = get
