"""Deletions that wait for their time, and workers that die in the middle of them."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from history.models.deletions import Deletion, Fate, State
from tests.faults.conftest import World, wait
from tests.history.deleting import asked_to_delete, fates, heard, order


@pytest.fixture
def admin(world: World, client_as: Any) -> Client:
    return client_as("admin")  # type: ignore[no-any-return]


@pytest.fixture
def ordered(admin: Client, settings: Any) -> Deletion:
    """An order of three recordings, ten minutes before its time."""
    settings.DELETION_DELAY_MINUTES = 10
    order(admin, heard(3))
    found = Deletion.objects.get()
    assert found.state == State.WAITING
    return found


def its_time_comes(found: Deletion) -> None:
    Deletion.objects.filter(pk=found.pk).update(due=timezone.now())


def until_done(found: Deletion) -> Deletion:
    def done() -> bool:
        found.refresh_from_db()
        return found.state == State.DONE

    wait(done, "the deletion to be done", 30)
    return found


def test_an_order_is_carried_out_when_its_time_comes(ordered: Deletion, world: World) -> None:
    world.a_worker()
    assert not asked_to_delete(world.sandbox)
    its_time_comes(ordered)
    assert set(fates(until_done(ordered)).values()) == {Fate.DELETED}


def test_goes_on_after_a_worker_was_killed_between_two_recordings(
    ordered: Deletion, world: World
) -> None:
    world.sandbox.fault("delay", seconds=1, method="DeleteRecord", skip=1)
    worker = world.a_worker()
    its_time_comes(ordered)
    wait(lambda: len(asked_to_delete(world.sandbox)) == 2, "the second recording")
    worker.kill()
    world.clear_faults()
    # As if the minute had passed in which the dead worker's word still counts.
    Deletion.objects.update(lease_until=timezone.now())
    world.worker()
    found = fates(until_done(ordered))
    assert set(found.values()) == {Fate.DELETED}
    assert set(asked_to_delete(world.sandbox)) == set(found)
