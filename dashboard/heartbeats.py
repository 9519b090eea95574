"""Signs of life of workers and of beat. They live in the broker, by its clock, so that whoever
reads them needs neither the same machine nor the right time."""

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

import redis
from celery import Celery, bootsteps
from celery.signals import beat_init, before_task_publish
from django.conf import settings

logger = logging.getLogger(__name__)

EVERY = 10.0  # seconds
# Several beats may get lost, and beat itself speaks only with a tick, twice a minute.
LATE = 90.0

BEAT = "beat"  # beside the names of queues
KEY = "voxledger:heartbeats"

_NOTE = """
local now = redis.call('TIME')
for _, name in ipairs(ARGV) do redis.call('HSET', KEYS[1], name, now[1]) end
"""
_AGES = """
local now, ages = redis.call('TIME'), redis.call('HGETALL', KEYS[1])
for n = 2, #ages, 2 do ages[n] = now[1] - ages[n] end
return ages
"""


@cache
def broker() -> redis.Redis:
    """The broker, with time-outs for somebody who waits."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2, decode_responses=True
    )


def note(names: Sequence[str]) -> None:
    try:
        broker().eval(_NOTE, 1, KEY, *names)
    except redis.RedisError as error:
        logger.warning("No sign of life could be left: %s", error)


def ages() -> dict[str, float]:
    """Seconds since each queue's workers, and beat, were last heard. Raises RedisError."""
    flat: Any = broker().eval(_AGES, 1, KEY)
    return {name: max(0.0, float(age)) for name, age in zip(flat[::2], flat[1::2], strict=True)}


class Heartbeat(bootsteps.StartStopStep):
    """Tells, from the worker's own loop, which queues it listens to."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        queues = list(worker.app.amqp.queues.consume_from)
        note(queues)
        worker.timer.call_repeatedly(EVERY, note, (queues,))


def install(app: Celery) -> None:
    app.steps["worker"].add(Heartbeat)


@beat_init.connect
def _beat_tells(**_: object) -> None:
    before_task_publish.connect(_ticked)


def _ticked(**_: object) -> None:
    note([BEAT])
