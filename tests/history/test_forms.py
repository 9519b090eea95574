"""Filter forms: what people type becomes the question the API is asked, or an error that helps."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import QueryDict

from history.api import wire
from history.forms import CallsForm, Defaults, FilterForm
from history.forms_acd import AcdForm
from history.forms_audit import AuditForm
from history.forms_recordings import RecordingsForm
from history.forms_transactions import TransactionsForm

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def form(query: str, **defaults: object) -> CallsForm:
    return CallsForm(QueryDict(query), Defaults(**{"zone": "Europe/Berlin", **defaults}), NOW)  # type: ignore[arg-type]


def sent(query: str) -> dict[str, str]:
    asked = form(query)
    assert asked.is_valid(), asked.errors
    return wire.encode(asked.params())


def test_an_empty_query_asks_for_the_last_seven_days_newest_first() -> None:
    assert sent("") == {
        "from_date": "2026-06-09 00:00:00",
        "to_date": "2026-06-15 23:59:59",
        "timezone": "Europe/Berlin",
        "with_calls": "true",
        "with_records": "true",
        "with_total_count": "false",
        "desc_order": "true",
        "count": "50",
    }


def test_every_filter_reaches_the_question() -> None:
    question = sent(
        "remote_number=%2B49+30+55509876,+4420&local_number=1202&application_name=front"
        "&rule_name=inbound&user_id=1%3B2&call_session_history_id=7+8"
        "&call_session_history_custom_data=a;b&min_duration=1:30&max_duration=600"
        "&child_account_id=all&children_calls_only=1&order=oldest&count=20&offset=40"
    )
    assert {
        "remote_number": "493055509876;4420",
        "local_number": "1202",
        "application_name": "front",
        "rule_name": "inbound",
        "user_id": "1;2",
        "call_session_history_id": "7;8",
        "call_session_history_custom_data": "a;b",
        "min_duration": "90",
        "max_duration": "600",
        "child_account_id": "all",
        "children_calls_only": "true",
        "offset": "40",
    }.items() <= question.items()
    assert question["count"] == "20"
    assert "desc_order" not in question


def test_dates_without_a_time_mean_whole_days() -> None:
    question = sent("from_date=2026-03-02&to_date=2026-03-03&timezone=Etc/GMT")
    assert question["from_date"] == "2026-03-02 00:00:00"
    assert question["to_date"] == "2026-03-03 23:59:59"


def test_auto_is_the_accounts_own_zone() -> None:
    asked = form("timezone=auto&period=today", account_zone=lambda: "America/New_York")
    assert asked.is_valid()
    assert asked.chosen.zone == "America/New_York"


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("timezone=Mars/Olympus", "timezone", "“Mars/Olympus” is not a time zone"),
        ("from_date=2026-03-03&to_date=2026-03-02", "to_date", "before it begins"),
        ("to_date=2026-03-02", "from_date", "Say where the period begins"),
        ("from_date=02.03.2026", "from_date", "“02.03.2026” is not a date"),
        ("call_session_history_id=12,1x", "call_session_history_id", "“1x” is not an ID"),
        ("user_id=abc", "user_id", "“abc” is not an ID"),
        ("count=1001", "count", "“1001” rows cannot be shown"),
        ("count=0", "count", "from 1 to 1000"),
        ("offset=10001", "offset", "at most 10000"),
        ("offset=-1", "offset", "cannot be skipped"),
        ("period=whenever", "period", "“whenever” is not a known period"),
        ("min_duration=ten", "min_duration", "“ten” is not a duration"),
        ("min_duration=60&max_duration=30", "max_duration", "Swap the two"),
        ("application_id=1&application_name=a", "application_id", "not both"),
        ("rule_name=inbound", "rule_name", "together with its application"),
        ("after=yesterday", "after", "“yesterday” is not a moment"),
    ],
)
def test_bad_input_is_named_and_shown_beside_its_field(query: str, field: str, words: str) -> None:
    asked = form(query)
    assert not asked.is_valid()
    assert words in asked.errors[field][0]


def test_forms_share_nothing_of_the_person() -> None:
    """Their fields are made once for all of them."""
    query = "remote_number=030+55509876"
    german, plain = form(query, region="DE"), form(query)
    assert german.is_valid()
    assert plain.is_valid()
    assert german.cleaned_data["remote_number"] == ("493055509876",)
    assert plain.cleaned_data["remote_number"] != ("493055509876",)
    assert german.fields["contains"] is plain.fields["contains"]


@pytest.mark.parametrize("form", [AcdForm, AuditForm, CallsForm, RecordingsForm, TransactionsForm])
def test_what_is_not_said_is_what_is_said_empty(form: type[FilterForm[Any]]) -> None:
    unsaid = form(QueryDict(), Defaults(), NOW)
    empty = form(QueryDict("&".join(f"{name}=" for name in unsaid.fields)), Defaults(), NOW)
    assert unsaid.is_valid()
    assert empty.is_valid()
    assert unsaid.cleaned_data == empty.cleaned_data


def test_chips_say_what_is_applied_and_lead_to_the_query_without_it() -> None:
    asked = form("user_id=5&remote_number=1,2,3,4&period=today&offset=50")
    assert asked.is_valid()
    chips = {chip.name: chip for chip in asked.chips()}
    assert str(chips["remote_number"].value) == "4 values"
    assert chips["user_id"].without == "remote_number=1%2C2%2C3%2C4&period=today"


def test_names_no_filter_has_are_reported_not_obeyed() -> None:
    asked = form("from=2026&user_id=5")
    assert asked.is_valid()
    assert asked.ignored() == [("from", "2026")]


def test_the_count_is_asked_for_the_whole_period() -> None:
    asked = form("offset=200&after=2026-06-12T00:00:00Z&skipped=10000&user_id=5")
    assert asked.is_valid()
    question = wire.encode(asked.count_params())
    assert question["to_date"] == "2026-06-15 23:59:59"
    assert question["count"] == "1"
    assert not {"offset", "with_calls", "with_total_count"} & question.keys()
