"""The client against a scripted remote side; the sandbox has fixtures of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from history.api.client import ApiKey, Client
from tests.api.remote import Remote, serving

# A busy machine is not a slow function.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture
def remote() -> Iterator[Remote]:
    with serving() as remote:
        yield remote


@pytest.fixture
def connect(remote: Remote) -> Iterator[Callable[..., Client]]:
    """connect(timeout=0.2): a client of the remote side, quick to give up unless told."""
    with ExitStack() as stack:

        def connect(url: str = remote.url, **options: Any) -> Client:
            credentials = options.pop("credentials", ApiKey(48211, "made-up-key"))
            options = {"timeout": 5, "retry_for": 0, **options}
            return stack.enter_context(Client(url, credentials, **options))

        yield connect


@pytest.fixture
def api(connect: Callable[..., Client]) -> Client:
    return connect()
