"""A cache that may be away: pages ask the API instead."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis import OutOfMemoryError, RedisError

logger = logging.getLogger(__name__)

# Guesses of passwords and codes that were used are counted in the cache. Whoever makes it fail
# must not get in by that: what guards sign-in fails with it.
GUARDED = "allauth"
# Not every key of a page waits for the time-out of a server that is gone.
NOT_AGAIN_FOR = 5.0  # seconds


class _Server(RedisCacheClient):
    """The servers, with the connections and the bad news that all threads share. Django makes a
    cache for each thread and each context, so that every question asked ahead would connect anew.
    """

    away_until = 0.0

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        """Made once for each server: it is safe to share, and to make one takes as long as to
        ask it."""
        place = self._get_connection_pool_index(write)  # type: ignore[attr-defined]
        if place not in self._clients:
            self._clients[place] = super().get_client(key, write=write)
        return self._clients[place]

    @cached_property
    def _clients(self) -> dict[int, Any]:
        return {}


@cache
def _server(servers: tuple[str, ...], options: tuple[tuple[str, Any], ...]) -> _Server:
    return _Server(list(servers), **dict(options))


class ForgivingCache(RedisCache):
    """Without Redis, or with a full one, as if nothing were remembered."""

    @cached_property
    def _cache(self) -> _Server:
        return _server(tuple(self._servers), tuple(self._options.items()))  # type: ignore[attr-defined]

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> bool:
        add = super().add
        # Nobody else can be known to have added it.
        return self._endure([key], lambda: add(key, value, timeout, version), True)

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        get = super().get
        return self._endure([key], lambda: get(key, default, version), default)

    def get_many(self, keys: Any, version: Any = None) -> dict[Any, Any]:
        get_many, keys = super().get_many, list(keys)
        return self._endure(keys, lambda: get_many(keys, version), {})

    def set(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> None:
        put = super().set
        return self._endure([key], lambda: put(key, value, timeout, version), None)

    def delete(self, key: Any, version: Any = None) -> bool:
        delete = super().delete
        return self._endure([key], lambda: delete(key, version), False)

    def _endure[T](self, keys: Iterable[object], ask: Callable[[], T], otherwise: T) -> T:
        if any(str(key).startswith(GUARDED) for key in keys):
            return ask()
        if time.monotonic() < self._cache.away_until:
            return otherwise
        try:
            return ask()
        except RedisError as error:
            # A full one is still good for reading.
            if not isinstance(error, OutOfMemoryError):
                self._cache.away_until = time.monotonic() + NOT_AGAIN_FOR
            logger.warning("Going on without the cache: %s", error)
            return otherwise
