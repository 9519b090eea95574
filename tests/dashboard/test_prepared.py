"""Queries that are put together once say what Django would say each time."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.prepared import Prepared


@pytest.fixture
def two(db: None) -> tuple[User, User]:
    return User.objects.create(username="ada"), User.objects.create(username="bob")


def test_finds_what_the_query_finds_with_other_values_each_time(two: tuple[User, User]) -> None:
    named = Prepared(
        lambda name, least: User.objects.filter(
            username=name, pk__gte=least, is_active=True
        ).order_by("-pk")[:5],
        name=str,
        least=int,
    )
    ada, bob = two
    assert named(name="ada", least=0) == [ada]
    assert named(name="bob", least=0) == [bob]
    assert named(name="bob", least=bob.pk + 1) == []
    found = named(name="ada", least=0)[0]
    assert (found.date_joined, found.is_active) == (ada.date_joined, True)


def test_asks_the_database_once_each_time(two: tuple[User, User]) -> None:
    everybody = Prepared(lambda: User.objects.order_by("pk"))
    with CaptureQueriesContext(connection) as asked:
        assert everybody() == everybody() == list(two)
    assert len(asked) == 2


def test_refuses_a_query_that_leaves_a_value_out(db: None) -> None:
    careless = Prepared(lambda name: User.objects.filter(username="ada"), name=str)
    with pytest.raises(ValueError, match="does not ask for name"):
        careless(name="bob")


def test_refuses_values_of_other_names(db: None) -> None:
    named = Prepared(lambda name: User.objects.filter(username=name), name=str)
    with pytest.raises(TypeError, match="person"):
        named(person="bob")
