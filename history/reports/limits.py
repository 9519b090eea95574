"""Limits of an account that all workers keep together: reports at once, requests a second.

Both live in Redis and are courtesy, not correctness: an emptied Redis forgets them for a moment,
and without any Redis they do not hold anybody up. Time is Redis's own, so that it does not matter
whose clock is wrong.
"""

import logging
import math
import time
from functools import cache

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

# A report that has not renewed its slot for so long has been forgotten by its worker.
SLOT_SECONDS = 15 * 60
# Nobody waits longer for his turn; what comes then is better than a stuck worker.
LONGEST_WAIT = 30.0

# KEYS: slots. ARGV: report, how many there are, seconds a slot lasts. 1 if it is (still) ours.
_TAKE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) or redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  return 1
end
return 0
"""

# KEYS: turns. ARGV: requests a second. Seconds until this request's turn, in microseconds.
# Each request books the next free place in a row of evenly spaced ones (GCRA without burst).
_TURN = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local step = 1000000 / tonumber(ARGV[1])
local turn = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('SET', KEYS[1], string.format('%.0f', turn + step), 'PX', 60000)
return string.format('%.0f', turn - now)
"""


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.CACHE_URL, socket_connect_timeout=2, socket_timeout=2)


def take_slot(account: str, report_id: int) -> bool:
    """Whether the report may be at work now; asking again renews the slot it has."""
    try:
        answer = _redis().eval(
            _TAKE, 1, f"voxledger:slots:{account}", report_id, settings.REPORTS_AT_ONCE,
            SLOT_SECONDS,
        )  # fmt: skip
    except redis.RedisError:
        _say_so()
        return True
    return bool(answer == 1)


def free_slot(account: str, report_id: int) -> None:
    try:
        _redis().zrem(f"voxledger:slots:{account}", str(report_id))
    except redis.RedisError:
        _say_so()


def wait_for_turn(method: str, account: str = "default") -> None:
    """Waits until the account may send one more request."""
    try:
        answer = _redis().eval(
            _TURN, 1, f"voxledger:turns:{account}", settings.VOX_REQUESTS_PER_SECOND
        )
    except redis.RedisError:
        _say_so()
        return
    time.sleep(min(int(answer) / 1_000_000, LONGEST_WAIT))


_said = -math.inf


def _say_so() -> None:
    """Once a minute, not with each request."""
    global _said
    if time.monotonic() - _said > 60:
        _said = time.monotonic()
        logger.warning("Redis does not answer: going on without the limits of the account")
