"""What workers must agree on: who owns a lock, who may start now, how often a task took its process down.

All of it lives in the Redis of Django's cache and is changed atomically, by scripts where one command is
not enough. Redis being away raises `redis.RedisError`; the caller decides what that means.
"""

from __future__ import annotations

import math
from functools import cache

import redis
from django.conf import settings

PREFIX = "myhours:"

_LEASE = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

_SLOT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slot = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local wait = slot - now
if wait > tonumber(ARGV[2]) then return -wait end
redis.call('SET', KEYS[1], string.format('%d', slot + ARGV[1]), 'PX', wait + 2 * ARGV[1])
return wait
"""


@cache
def client() -> redis.Redis:
    """The connection pool of this process and its children (redis-py notices a fork)."""
    return redis.Redis.from_url(
        settings.CACHES["default"]["LOCATION"],
        socket_timeout=5,
        socket_connect_timeout=5,
        decode_responses=True,
    )


def take_lock(key: str, *, owner: str, life_s: float) -> str:
    """Take a lock; returns whose it is now, which is `owner` too where a retry finds its own lock.

    A lock is never prolonged: its life covers all attempts of the task that took it.
    """
    name = f"{PREFIX}lock:{key}"
    for _ in range(3):
        if client().set(name, owner, nx=True, px=math.ceil(life_s * 1000)):
            return owner
        other = client().get(name)
        if other is not None:  # else it expired or was released between the two commands
            return str(other)
    return ""


def take_lease(key: str, *, owner: str, life_s: float) -> bool:
    """Take a lock or prolong it as its owner; False while another has it."""
    return bool(client().eval(_LEASE, 1, f"{PREFIX}lock:{key}", owner, math.ceil(life_s * 1000)))


def release_lock(key: str, *, owner: str) -> bool:
    """Release a lock if `owner` has it."""
    return bool(client().eval(_RELEASE, 1, f"{PREFIX}lock:{key}", owner))


def take_slot(name: str, *, per_minute: int, wait_at_most_s: float) -> float:
    """Reserve the next start: two starts of one name are at least 60/per_minute seconds apart, anywhere.

    Returns the seconds to wait for it. A negative number: the wait would be too long and nothing was
    reserved; its size says how long it would have been.
    """
    interval_ms = math.ceil(60_000 / per_minute)
    wait_ms = client().eval(_SLOT, 1, f"{PREFIX}slot:{name}", interval_ms, math.ceil(wait_at_most_s * 1000))
    return int(wait_ms) / 1000


def run_begins(task_id: str, *, remembered_s: int) -> int:
    """Count a run that begins; returns how many runs of the task never came back, this one included."""
    key = f"{PREFIX}runs:{task_id}"
    with client().pipeline() as pipeline:
        pipeline.incr(key)
        pipeline.expire(key, remembered_s)
        return int(pipeline.execute()[0])


def run_ended(task_id: str) -> None:
    """Forget the runs of a task whose process survived it."""
    client().delete(f"{PREFIX}runs:{task_id}")
