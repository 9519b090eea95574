"""The search box: what is typed or pasted leads to the page that can show it."""

from urllib.parse import parse_qs, urlsplit

import pytest

from history.search import Reading, readings


def leads_to(reading: Reading) -> tuple[str, dict[str, str]]:
    parts = urlsplit(reading.url)
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}


@pytest.mark.parametrize("text", ["+49 30 5550 9876", "0049 30 55509876", "tel:+493055509876"])
def test_a_whole_number_leads_to_its_calls(text: str) -> None:
    (reading,) = readings(text)
    path, query = leads_to(reading)
    assert path == "/calls/"
    assert query["remote_number"] == "493055509876"


def test_the_last_digits_of_a_number_are_looked_for_inside_numbers() -> None:
    (reading,) = readings("9876")
    assert leads_to(reading) == ("/calls/", {"contains": "9876"})


def test_a_link_to_a_session_log_leads_to_the_session() -> None:
    (reading,) = readings("https://storage.example/vox-logs/2026/03/02/Qm9?sessionid=915004471")
    assert leads_to(reading)[0] == "/calls/915004471/"


def test_bare_digits_are_offered_as_every_id_they_can_be() -> None:
    paths = [leads_to(reading)[0] for reading in readings("915004471")]
    assert "/calls/915004471/" in paths
    assert "/transactions/" in paths


def test_json_is_custom_data() -> None:
    first, *_others = readings('{"ticket": 5521}')
    assert leads_to(first)[1]["call_session_history_custom_data"] == '{"ticket": 5521}'


def test_a_pasted_column_of_numbers_is_one_filter() -> None:
    (reading,) = readings("+49 30 55509876\n+44 20 7946 0018\n+1 202-555-0143")
    assert leads_to(reading)[1]["remote_number"] == "493055509876,442079460018,12025550143"


def test_nothing_typed_reads_as_nothing() -> None:
    assert readings("   ") == ()
