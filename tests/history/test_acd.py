"""The ACD page: callers' ways through the queues, in the chosen zone though the API speaks UTC."""

import html
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.test import Client

from history.api.methods import GetACDHistory
from history.api.replies import ACDSessionInfoType
from history.api.wire import parse_wall_clock
from history.connection import connect
from history.queues import common_scale, length, waterfall
from tests.conftest import Sandbox
from tests.history.pages import has_next, link, query_of, rows, text

MONTH = {"from_date": "2026-05-15", "to_date": "2026-06-14", "timezone": "Europe/Berlin"}


@pytest.fixture
def supervisor(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("supervisor")


def show(client: Client, **query: object) -> Any:
    return client.get("/acd/", {**MONTH, **query})


def of_the_month(**more: Any) -> Sequence[ACDSessionInfoType]:
    """What the API itself says: the same month, whose days begin at 22:00 UTC."""
    question = GetACDHistory(
        from_date=parse_wall_clock("2026-05-14 22:00:00"),
        to_date=parse_wall_clock("2026-06-14 21:59:59"),
        desc_order=True,
        count=1000,
        **more,
    )
    return connect().get_acd_history(question).result


def test_shows_the_callers_of_the_period_newest_first(supervisor: Client) -> None:
    page = show(supervisor, count=1000)
    assert page.status_code == 200
    assert rows(page) == [row.acd_session_history_id for row in of_the_month()]


def test_times_are_shown_in_the_chosen_zone(supervisor: Client) -> None:
    newest = of_the_month()[0]
    page = show(supervisor, count=20, timezone="Asia/Tokyo")
    assert "Asia/Tokyo" in text(page)
    assert re.search(r'datetime="[^"]+\+09:00"', page.content.decode())
    berlin = show(supervisor, count=20)
    assert f"{newest.begin_time.hour + 2:02}:{newest.begin_time:%M:%S}" in text(berlin)


def test_filters_reach_the_api_in_utc(supervisor: Client, sandbox: Sandbox) -> None:
    show(
        supervisor,
        acd_queue_id="318, 319",
        user_id="20401",
        callerid="+49 30 1234567",
        min_waiting_time="1:30",
        unserviced="true",
        rejected="false",
        operator_hangup="true",
        custom_data="ticket; 7",
        acd_session_history_id="1 2",
        acd_request_id="f2c1a0de-77",
        order="oldest",
    )
    asked = sandbox.last_request
    assert {
        "acd_queue_id": "318;319",
        "user_id": "20401",
        "callerid": "49301234567",
        "min_waiting_time": "90",
        "unserviced": "true",
        "rejected": "false",
        "operator_hangup": "true",
        "custom_data": "ticket; 7",
        "acd_session_history_id": "1;2",
        "acd_request_id": "f2c1a0de-77",
        "from_date": "2026-05-14 22:00:00",
        "to_date": "2026-06-14 21:59:59",
    }.items() <= asked.items()
    assert not {"timezone", "desc_order", "with_events"} & asked.keys()


def test_tells_served_unserved_and_turned_away_apart(supervisor: Client) -> None:
    year = {"from_date": "2025-06-15", "to_date": "2026-06-14", "timezone": "UTC", "count": 1000}
    page = supervisor.get("/acd/", year)
    outcomes = re.findall(r'class="badge[^>]*>.*?</svg>([^<]+)<', page.content.decode())

    def count(**asked: bool) -> int:
        question = GetACDHistory(
            from_date=parse_wall_clock("2025-06-15 00:00:00"),
            to_date=parse_wall_clock("2026-06-14 23:59:59"),
            **asked,  # type: ignore[arg-type]
        )
        return connect().get_acd_history(question).total_count or 0

    assert outcomes.count("Served") == count(unserviced=False)
    assert outcomes.count("Turned away") == count(rejected=True) > 0
    assert outcomes.count("Not served") == count(unserviced=True, rejected=False) > 0


@pytest.mark.parametrize(
    ("tab", "asked"),
    [
        ("Served", {"unserviced": "false"}),
        ("Not served", {"unserviced": "true"}),
        ("Turned away", {"rejected": "true"}),
    ],
)
def test_tabs_are_filters_of_the_api(
    supervisor: Client, sandbox: Sandbox, tab: str, asked: dict[str, str]
) -> None:
    where = link(show(supervisor), tab)
    sandbox.reset()
    page = supervisor.get(f"/acd/{where}", follow=True)
    assert asked.items() <= sandbox.requests[0]["params"].items()
    assert f'aria-current="page">{tab}' in page.content.decode()


def test_a_click_on_a_queue_or_an_operator_adds_that_filter(supervisor: Client) -> None:
    page = show(supervisor, count=1000)
    served = next(row for row in of_the_month() if row.user_id)
    for name, value in (("acd_queue_id", served.acd_queue_id), ("user_id", served.user_id)):
        where = next(
            html.unescape(found)
            for found in re.findall(rf'href="(\?[^"]*{name}={value})"', page.content.decode())
        )
        narrowed = supervisor.get(f"/acd/{where}")
        wanted = [
            row.acd_session_history_id for row in of_the_month() if getattr(row, name) == value
        ]
        assert rows(narrowed) == wanted


# Drawings


def test_all_drawings_of_a_page_have_one_scale_which_is_said(supervisor: Client) -> None:
    page = show(supervisor, count=1000)
    scale = common_scale(of_the_month())
    assert f"Each drawing is {scale // 60} min wide" in text(page)
    assert sum(length(row) <= scale for row in of_the_month()) >= 0.9 * len(of_the_month())


def test_a_drawing_is_to_scale_and_says_where_it_is_cut() -> None:
    session = of("2026-06-01 08:00:00", wait=30, service=60, after=15)
    bars = [(bar.tone, bar.x, bar.width, bar.cut) for bar in waterfall(session, 120)]
    assert bars == [
        ("wait", "0.00%", "25.00%", False),
        ("", "25.00%", "50.00%", False),
        ("quiet", "75.00%", "12.50%", False),
    ]
    cut = waterfall(session, 60)
    assert [(bar.width, bar.cut) for bar in cut] == [("50.00%", False), ("50.00%", True)]


def of(begin: str, *, wait: int, service: int, after: int) -> ACDSessionInfoType:
    return ACDSessionInfoType(
        acd_session_history_id=1,
        begin_time=parse_wall_clock(begin),
        waiting_duration=wait,
        in_service_duration=service,
        after_service_duration=after,
    )


# One session


def test_a_row_opens_to_its_events_with_both_clocks(supervisor: Client, sandbox: Sandbox) -> None:
    session = next(row for row in of_the_month(with_events=True) if row.waiting_duration)
    panel = supervisor.get(f"/acd/{session.acd_session_history_id}/panel/")
    assert sandbox.last_request["with_events"] == "true"
    assert "Joined the queue" in text(panel)
    last = session.events[-1].time
    seconds = round((last - session.begin_time).total_seconds())
    assert f"{last:%H:%M:%S}" in text(panel)
    assert f"PT{seconds}S" in panel.content.decode()
    assert supervisor.get(f"/acd/{session.acd_session_history_id}/").status_code == 200

    # Where both clocks are one, it is shown once.
    assert panel.content.decode().count('data-label="UTC"') == len(session.events)


def test_leads_to_the_calls_around_that_moment(supervisor: Client, sandbox: Sandbox) -> None:
    session = of_the_month()[-1]
    panel = supervisor.get(f"/acd/{session.acd_session_history_id}/panel/")
    calls = supervisor.get(link(panel, "Calls around that time"))
    assert rows(calls)
    asked = sandbox.last_request
    assert asked["from_date"] < f"{session.begin_time:%Y-%m-%d %H:%M:%S}" < asked["to_date"]


def test_an_unknown_session_is_not_found(supervisor: Client) -> None:
    assert supervisor.get("/acd/42/").status_code == 404


# Pages, emptiness, errors


def test_pages_show_every_caller_once_and_know_the_total(supervisor: Client) -> None:
    everything = rows(show(supervisor, count=1000))
    seen: list[int] = []
    page = show(supervisor, count=20)
    assert f"of {len(everything)}" in text(page)  # ACD answers carry it
    while True:
        seen += rows(page)
        if not has_next(page):
            break
        page = supervisor.get("/acd/", query_of(page, "next"))
    assert seen == everything


def test_goes_on_past_what_the_api_can_skip(supervisor: Client) -> None:
    shown = of_the_month()[:20]
    after = shown[-1].begin_time.isoformat()
    page = show(supervisor, count=20, after=after, offset=1, skipped=19)
    assert rows(page) == [row.acd_session_history_id for row in of_the_month()[20:40]]
    total = supervisor.get("/acd/total/", {**MONTH, "after": after, "skipped": "19"})
    assert text(total) == f"of {len(of_the_month())}"


def test_says_when_nothing_matches(supervisor: Client) -> None:
    page = show(supervisor, acd_queue_id="999999")
    assert "Nothing matches these filters" in text(page)


def test_offers_a_longer_period_when_nobody_called(supervisor: Client) -> None:
    page = supervisor.get("/acd/", {"from_date": "2031-01-01", "to_date": "2031-01-02"})
    assert "Nothing happened in this period" in text(page)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"acd_queue_id": "reception"}, "“reception” is not an ID"),
        ({"min_waiting_time": "long"}, "“long” is not a duration"),
        ({"rejected": "true", "unserviced": "false"}, "Who is turned away is not served"),
        ({"timezone": "Mars/Olympus"}, "“Mars/Olympus” is not a time zone"),
        ({"unserviced": "perhaps"}, "perhaps is not one of the available choices"),
    ],
)
def test_bad_input_is_explained_and_the_filters_are_kept(
    supervisor: Client, sandbox: Sandbox, query: dict[str, str], words: str
) -> None:
    page = show(supervisor, custom_data="ticket-7", **query)
    assert page.status_code == 200
    assert words in text(page)
    assert 'value="ticket-7"' in page.content.decode()
    assert not sandbox.requests


def test_says_so_when_the_api_is_down(supervisor: Client, settings: Any) -> None:
    settings.VOX_API_URL = "http://127.0.0.1:9/platform_api"
    page = show(supervisor, acd_queue_id="318")
    assert page.status_code == 502
    assert "Voximplant cannot be reached" in text(page)
    assert "318</textarea>" in page.content.decode()


def test_says_which_roles_may_read_the_queues(
    supervisor: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.VOX_CREDENTIALS = sandbox.credentials.with_name("credentials-accountant.json")
    page = show(supervisor)
    assert page.status_code == 502
    assert "Owner, Admin, Developer, Supervisor or User manager" in text(page)


def test_a_day_of_25_hours_is_whole(supervisor: Client, sandbox: Sandbox) -> None:
    page = show(supervisor, from_date="2025-10-26", to_date="2025-10-26")
    assert "25 hours" in text(page)
    assert sandbox.requests[0]["params"]["from_date"] == "2025-10-25 22:00:00"
    assert sandbox.requests[0]["params"]["to_date"] == "2025-10-26 22:59:59"


def test_a_stranger_is_sent_to_the_sign_in_page(db: None, client: Client) -> None:
    for path in ("", "total/", "1/", "1/panel/"):
        assert client.get(f"/acd/{path}").headers["Location"].startswith("/accounts/login/")
