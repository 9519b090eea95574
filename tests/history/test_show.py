"""How values are written: every digit of money kept, every time with its zone."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from django.template import Context, Template
from django.utils import timezone, translation
from django.utils.html import strip_tags
from hypothesis import given
from hypothesis import strategies as st

from history.templatetags import charts, show
from history.templatetags.charts import Lane, Point, Span


def text(markup: str) -> str:
    """What one reads, with plain spaces."""
    return strip_tags(markup).replace("\u00a0", " ")


def test_shows_money_with_its_currency():
    assert text(show.money(Decimal("12.5"), "USD")) == "12.50 USD"


def test_keeps_every_digit_of_money():
    assert text(show.money(Decimal("0.001250"), "EUR")) == "0.001250 EUR"
    assert text(show.money(Decimal("1234567.000001"), "EUR")) == "1,234,567.000001 EUR"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9)))
def test_carries_the_exact_amount_for_machines(value):
    said = re.search(r'value="([^"]+)"', show.money(value, "USD"))
    assert said
    assert Decimal(said[1]) == value


def test_writes_a_charge_with_a_true_minus_and_marks_it():
    shown = show.money(Decimal("-0.006"), "USD")
    assert text(shown) == "\u22120.006 USD"
    assert "negative" in shown


@pytest.mark.parametrize(("language", "expected"), [("ru", "1 234,50"), ("es", "1 234,50")])
def test_writes_money_as_the_language_does(language, expected):
    with translation.override(language):
        assert text(show.money(Decimal("1234.5"))) == expected


def test_lines_up_decimal_marks_without_adding_digits():
    shown = show.amount(Decimal("0.006"), 5)
    assert text(shown) == "0.006"
    assert 'data-pad="00"' in shown


def test_says_none_where_there_is_no_value():
    for shown in (show.money(None), show.moment(None), show.duration(None), show.phone("")):
        assert "none" in shown
        assert "\u2013" in shown


NOON = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def test_shows_a_time_in_the_current_zone_and_names_it():
    with timezone.override(ZoneInfo("Europe/Moscow")):
        shown = show.moment(NOON)
    assert text(shown) == "15 Jun 2026, 15:00:00"
    assert "Europe/Moscow (UTC+03:00)" in shown
    assert 'datetime="2026-06-15T15:00:00+03:00"' in shown


@pytest.mark.parametrize("language", ["en", "ru", "es"])
def test_shows_the_clock_of_each_moment_of_a_day(language):
    with translation.override(language):
        for style, clock in (("", "12:00:00"), ("time", "12:00:00"), ("short", "12:00")):
            assert text(show.moment(NOON, style)).endswith(clock)
            assert "12:00:00 UTC (UTC+00:00)" in show.moment(NOON, style)


def test_tells_the_two_hours_of_a_clock_change_apart():
    berlin = ZoneInfo("Europe/Berlin")
    with timezone.override(berlin):
        first = show.moment(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
        second = show.moment(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    assert text(first) == text(second) == "25 Oct 2026, 02:30:00"
    assert "UTC+02:00" in first
    assert "UTC+01:00" in second


def test_shows_parts_of_a_time():
    assert text(show.moment(NOON, "date")) == "15 Jun 2026"
    assert text(show.moment(NOON, "time")) == "12:00:00"
    assert text(show.moment(NOON, "short")) == "15 Jun, 12:00"


def test_writes_times_and_sizes_as_the_language_does():
    with translation.override("ru"):
        assert text(show.moment(NOON)) == "15.06.2026, 12:00:00"
        assert "онедельник, 15 июня 2026, 12:00:00 UTC (UTC+00:00)" in show.moment(NOON)
        assert text(show.filesize(12_400_000)) == "12,4 МБ"
        assert show.in_words(96) == "1 мин 36 с"
    with translation.override("es"):
        assert text(show.moment(NOON, "date")) == "15/06/2026"
        assert "15 de junio de 2026" in show.moment(NOON)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(1, "1 день назад"), (3, "3 дня назад"), (11, "11 дней назад"), (21, "21 день назад")],
)
def test_counts_in_the_forms_of_the_language(days, expected):
    with translation.override("ru"):
        assert show.ago(NOON - timedelta(days=days), NOON) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (10, "just now"),
        (60, "1 minute ago"),
        (3600 * 5, "5 hours ago"),
        (86400 * 3, "3 days ago"),
        (-7200, "in 2 hours"),
    ],
)
def test_says_how_long_ago(seconds, expected):
    assert show.ago(NOON - timedelta(seconds=seconds), NOON) == expected


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (0, "0:00", "0 s"),
        (12, "0:12", "12 s"),
        (96, "1:36", "1 min 36 s"),
        (3600, "1:00:00", "1 h"),
        (3723, "1:02:03", "1 h 2 min 3 s"),
        (-5, "\u22120:05", "\u22125 s"),
    ],
)
def test_shows_a_duration_for_eyes_and_for_ears(seconds, short, long):
    shown = show.duration(seconds)
    assert f'aria-hidden="true">{short}<' in shown
    assert f'hidden-text">{long}<' in shown


def test_takes_a_time_span_as_well():
    assert show.duration(timedelta(minutes=1, seconds=36)) == show.duration(96)


@pytest.mark.parametrize(
    ("number", "expected", "region"),
    [
        ("74951234567", "+7 495 123-45-67", "RU"),
        ("+442079460958", "+44 20 7946 0958", "GB"),
    ],
)
def test_writes_a_number_internationally_with_its_region(number, expected, region):
    shown = show.phone(number)
    assert text(shown) == expected
    assert f'title="{region}"' in shown


@pytest.mark.parametrize("name", ["1021", "anna@example.com", "00000000000", "<b>"])
def test_leaves_what_is_no_number_unchanged(name):
    shown = show.phone(name)
    assert text(shown).replace("&lt;", "<").replace("&gt;", ">") == name
    assert "<b>" not in shown


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (12400, "12.4 KB"),
        (29_700_000, "29.7 MB"),
    ],
)
def test_shows_sizes(size, expected):
    assert text(show.filesize(size)) == expected


def test_keeps_the_exact_size_in_the_title():
    assert 'title="29,700,123 bytes"' in show.filesize(29_700_123)


def test_sets_thousands_apart():
    assert text(show.count(8214)) == "8,214"
    with translation.override("ru"):
        assert text(show.count(8214)) == "8 214"


def render(source: str, **context: object) -> str:
    return Template("{% load show charts %}" + source).render(Context(context))


def test_says_a_state_in_a_word_with_a_mark():
    shown = render("{% badge 'Failed' 'bad' %}")
    assert "#i-x" in shown
    assert "Failed" in shown


def test_says_a_direction_in_words():
    assert "Incoming" in render("{% direction True %}")
    assert "Outgoing" in render("{% direction False %}")


def test_escapes_what_comes_from_outside():
    shown = render("{% badge label %}{{ currency }}", label="<b>", currency=show.money(1, "<i>"))
    assert "<b>" not in shown
    assert "<i>" not in shown


def test_keeps_an_icon_silent_unless_it_is_named():
    assert 'aria-hidden="true"' in render("{% icon 'mic' %}")
    assert 'aria-label="Recorded"' in render("{% icon 'mic' 'Recorded' %}")


def chart(*values: int, **options: object) -> str:
    points = [Point(label=f"Day {n}", value=v, said=f"{v} calls") for n, v in enumerate(values)]
    return render("{% bar_chart points 'Calls per day' 'Calls' %}", points=points, **options)


def test_draws_bars_to_scale():
    heights = [float(h) for h in re.findall(r'class="bar" [^>]*height="([\d.]+)"', chart(50, 100))]
    assert heights[1] == pytest.approx(2 * heights[0])


def test_gives_a_chart_a_table_with_the_same_figures():
    shown = chart(3, 14)
    assert "<table" in shown
    assert "14 calls" in shown


def test_draws_nothing_for_no_days_and_for_zeros():
    assert 'class="bar"' not in chart()
    assert re.findall(r'class="bar" [^>]*height="([\d.]+)"', chart(0, 0)) == ["0.0", "0.0"]


def test_draws_with_decimal_points_in_every_language():
    with translation.override("ru"):
        shown = chart(1, 3)
    assert not re.search(r'(?:y|height|x|width)="[\d]*,', shown)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_never_draws_a_bar_over_its_grid(values):
    points = [Point(label="", value=value, said="") for value in values]
    drawn = charts.bar_chart(points, "", "")["bars"]
    assert all(0 <= float(bar["height"]) <= charts.PLOT - charts.FOOT - charts.TOP for bar in drawn)


def test_draws_a_timeline_to_scale_with_a_table():
    lanes = [Lane(name="Client", spans=[Span(start=10, end=60, label="Talking")])]
    shown = render("{% timeline lanes 100 'Legs' %}", lanes=lanes)
    assert 'x="10.000%" width="50.000%"' in shown
    assert "<table" in shown
    assert "Talking" in shown


def test_draws_a_timeline_of_a_session_without_length():
    lanes = [Lane(name="Client", spans=[Span(start=0, end=0, label="Failed")])]
    assert "Failed" in render("{% timeline lanes 0 'Legs' %}", lanes=lanes)


def test_numbers_of_every_country_are_read_as_the_library_parses_them():
    """Also with a digit too many or too few, and with a national prefix that does not belong."""
    seen = set()
    for region in phonenumbers.SUPPORTED_REGIONS:
        for kind in phonenumbers.PhoneNumberType.values():
            if example := phonenumbers.example_number_for_type(region, kind):
                code, national = str(example.country_code), national_number(example)
                for changed in (national, f"{national}7", national[:-1], f"{national[:-3]}123"):
                    seen |= {f"{code}{prefix}{changed}" for prefix in ("", "0", "8")}
    assert len(seen) > 5000
    for digits in seen:
        assert show.phone_in_words(digits) == parsed(digits)


def national_number(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.national_significant_number(number)


def parsed(digits: str) -> str:
    """In international form, or as it is where it is no number."""
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return digits
    if not (8 <= len(digits) <= 15 and phonenumbers.is_valid_number(number)):
        return digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
