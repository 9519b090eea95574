"""Params to request fields and back."""

from datetime import datetime
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.api import wire
from history.api.methods import (
    ASYNC_SPELLINGS,
    METHODS,
    DeleteRecord,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
    Method,
    Parameter,
    parameters,
)

DAY = {"from_date": datetime(2026, 3, 2), "to_date": datetime(2026, 3, 2, 23, 59, 59)}
DAY_SENT = {"from_date": "2026-03-02 00:00:00", "to_date": "2026-03-02 23:59:59"}
DAY_GIVEN = {name: [text] for name, text in DAY_SENT.items()}


# What is sent


def test_sends_what_differs_from_the_servers_defaults() -> None:
    params = GetCallHistory(
        **DAY,
        application_id=70315,
        user_id=(20417, 20418),
        remote_number=("493055509876", "+44 20 7946 0018"),
        with_calls=True,
        with_other_resources=False,
        timezone="Europe/Berlin",
        count=2,
        remote_number_list=("493055509876", "a;b"),
    )
    assert wire.encode(params) == {
        **DAY_SENT,
        "timezone": "Europe/Berlin",
        "application_id": "70315",
        "user_id": "20417;20418",
        "remote_number": "493055509876;+44 20 7946 0018",
        "with_calls": "true",
        "with_other_resources": "false",
        "count": "2",
        "remote_number_list": '["493055509876", "a;b"]',
    }


def test_sends_nothing_else() -> None:
    assert wire.encode(GetCallHistory(**DAY)) == DAY_SENT
    assert wire.encode(GetHistoryReports()) == {}
    assert wire.encode(DeleteRecord(record_url="")) == {}


def test_the_word_all_stands_for_a_list() -> None:
    params = GetHistoryReports(history_type="all", application_id="all")
    assert wire.encode(params) == {"history_type": "all", "application_id": "all"}


def test_says_what_the_reference_is_unclear_about() -> None:
    assert wire.encode(GetAuditLog(**DAY)) == {**DAY_SENT, "with_total_count": "false"}
    brief = GetBriefCallHistory(**DAY)
    assert wire.encode(brief) == {**DAY_SENT, "output": "csv", "is_async": "true"}


def test_pads_the_years_of_antiquity() -> None:
    params = GetCallHistory(from_date=datetime(987, 1, 1), to_date=datetime(2026, 3, 2))
    assert wire.encode(params)["from_date"] == "0987-01-01 00:00:00"


def test_cannot_send_what_would_be_read_as_two_elements() -> None:
    with pytest.raises(wire.BadParameter, match=r"remote_number: '1;2' contains ';'") as caught:
        wire.encode(GetCallHistory(**DAY, remote_number=("1;2",)))
    assert (caught.value.name, caught.value.code) == ("remote_number", 121)


def test_async_spellings_leave_out_what_they_do_not_know() -> None:
    params = GetTransactionHistory(
        **DAY, with_total_count=False, with_extended_info=True, decimal_separator=",", count=5000
    )
    assert wire.encode_async("GetTransactionHistoryAsync", params) == {**DAY_SENT, "count": "5000"}


# What is understood


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (["true"], True),
        (["True"], True),
        (["1"], True),
        (["false"], False),
        (["FALSE"], False),
        (["0"], False),
        (["1", "0"], False),
        ([""], False),
    ],
)
def test_booleans_come_in_every_sdks_spelling(texts: list[str], value: bool) -> None:
    assert wire.decode(GetCallHistory, {**DAY_GIVEN, "with_calls": texts}).with_calls is value


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (["12;13"], (12, 13)),
        (["12;13;"], (12, 13)),
        ([" 12 ; 13 "], (12, 13)),
        (["12", "13"], (12, 13)),
        (["12;13", "14"], (12, 13, 14)),
        (["all"], "all"),
        (["ALL"], "all"),
        (["any"], "all"),
        ([";"], ()),
    ],
)
def test_lists_come_in_every_sdks_spelling(
    texts: list[str], value: tuple[int, ...] | Literal["all"]
) -> None:
    given = {**DAY_GIVEN, "child_account_id": texts}
    assert wire.decode(GetCallHistory, given).child_account_id == value


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (['["49", "44"]'], ("49", "44")),
        ([' ["4;9"]'], ("4;9",)),
        (["49", "44"], ("49", "44")),
        (["[]"], ()),
    ],
)
def test_the_json_list_comes_as_json_or_repeated(texts: list[str], value: tuple[str, ...]) -> None:
    given = {**DAY_GIVEN, "remote_number_list": texts}
    assert wire.decode(GetCallHistory, given).remote_number_list == value


def test_unknown_parameters_are_passed_over() -> None:
    assert wire.decode(GetCallHistory, {**DAY_GIVEN, "cmd": ["x"]}) == GetCallHistory(**DAY)


BAD: list[tuple[type[Method], dict[str, list[str]], str, int]] = [
    (GetCallHistory, {"from_date": []}, "from_date: required, but missing or empty", 134),
    (GetCallHistory, {"to_date": [""]}, "to_date: required, but missing or empty", 134),
    (GetCallHistory, {"from_date": ["2026-03-02"]}, "from_date: '2026-03-02' is not a date", 111),
    (GetCallHistory, {"from_date": ["2026-02-30 00:00:00"]}, "is not a date in the form", 111),
    (GetCallHistory, {"from_date": ["2026-W10-1 08:14:09"]}, "is not a date in the form", 111),
    (GetCallHistory, {"from_date": ["2026-03-03 00:00:00"]}, "is later than to_date", 123),
    (GetCallHistory, {"user_id": ["1;x"]}, "user_id: 'x' is not a list of whole numbers", 117),
    (GetCallHistory, {"user_id": ["0"]}, "user_id: 0 is below the minimum of 1", 117),
    (GetCallHistory, {"application_id": ["-1"]}, "'-1' is not a whole number", 116),
    (GetCallHistory, {"application_id": ["١٢"]}, "is not a whole number", 116),
    (GetCallHistory, {"application_id": ["1" * 19]}, "is not a whole number", 116),
    (GetCallHistory, {"with_calls": ["yes"]}, "with_calls: 'yes' is not true or false", 101),
    (GetCallHistory, {"timezone": ["Mars"]}, "timezone: 'Mars' is not a time zone", 496),
    (GetCallHistory, {"count": ["1001"]}, "count: 1001 is above the maximum of 1000", 497),
    (GetCallHistory, {"count": ["0"]}, "count: 0 is below the minimum of 1", 497),
    (GetCallHistory, {"offset": ["10001"]}, "offset: 10001 is above the maximum of 10000", 497),
    (GetCallHistory, {"output": ["xls"]}, "output: 'xls' is not one of json, csv", 105),
    (GetCallHistory, {"remote_number_list": ["[1]"]}, "'[1]' is not a JSON array", 121),
    (GetCallHistory, {"remote_number_list": ["[“"]}, "is not a JSON array", 121),
    (
        GetCallHistory,
        {"call_session_history_id": [";".join(map(str, range(1, 1002)))]},
        "call_session_history_id: 1001 elements, at most 1000 are allowed",
        150,
    ),
    (
        GetCallHistory,
        {"call_session_history_custom_data": ["я" * 101]},
        "call_session_history_custom_data: longer than 200 bytes",
        477,
    ),
    (GetTransactionHistory, {"transaction_type": ["tip"]}, "'tip' is not one of resource_c", 209),
    (GetHistoryReports, {"history_type": ["faxes"]}, "history_type: 'faxes' is not one of", 371),
    (
        GetHistoryReports,
        {"created_from": ["2026-03-02 00:00:01"], "created_to": ["2026-03-02 00:00:00"]},
        "created_from: '2026-03-02 00:00:01' is later than created_to",
        123,
    ),
]


@pytest.mark.parametrize(("method", "change", "complaint", "code"), BAD)
def test_names_the_field_the_value_and_the_code(
    method: type[Method], change: dict[str, list[str]], complaint: str, code: int
) -> None:
    given = {**(DAY_GIVEN if "from_date" in parameters(method) else {}), **change}
    with pytest.raises(wire.BadParameter) as caught:
        wire.decode(method, given)
    assert complaint in str(caught.value)
    assert caught.value.code == code


def test_a_report_has_no_limit_of_rows() -> None:
    given = {**DAY_GIVEN, "count": ["500000"], "is_async": ["true"], "output": ["csv"]}
    assert wire.decode(GetCallHistory, given).count == 500_000


# Any params, any garbage

dates = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)
words = st.text(st.characters(exclude_characters=";", exclude_categories=["Cs"]), min_size=1)
plain_words = words.map(str.strip).filter(bool)


def values_of(parameter: Parameter) -> st.SearchStrategy[Any]:
    param = parameter.param
    single: st.SearchStrategy[Any]
    if param.choices:
        single = st.sampled_from(param.choices)
    elif parameter.name == "timezone":
        single = st.sampled_from(["auto", "Etc/GMT", "Europe/Berlin", "America/St_Johns"])
    elif parameter.kind is str:
        limit = param.max_length
        single = plain_words.filter(lambda text: not limit or len(text.encode()) <= limit)
    elif parameter.kind is int:
        single = st.integers(param.minimum or 0, param.maximum or 10**18 - 1)
    elif parameter.kind is bool:
        single = st.booleans()
    else:
        single = dates
    if parameter.is_list:
        if param.json:
            single = words
        many: st.SearchStrategy[Any] = st.lists(single, max_size=4).map(tuple)
        if parameter.allows_all:
            # Nobody can ask for an element that is called 'all'.
            many = many.filter(lambda value: value not in (("all",), ("any",))) | st.just("all")
        return many
    return single if parameter.required else st.just(parameter.default) | single


@st.composite
def any_params(draw: st.DrawFn) -> Method:
    method = draw(st.sampled_from(list(METHODS.values())))
    values = {name: draw(values_of(one)) for name, one in parameters(method).items()}
    for start, end in (("from_date", "to_date"), ("created_from", "created_to")):
        if values.get(start) and values.get(end):
            values[start], values[end] = sorted((values[start], values[end]))
    return method(**values)


@given(any_params())
def test_any_valid_params_survive_the_wire(params: Method) -> None:
    sent = {name: [text] for name, text in wire.encode(params).items()}
    got = wire.decode(type(params), sent)
    for name, parameter in parameters(type(params)).items():
        value, read = getattr(params, name), getattr(got, name)
        # What is empty is not sent: the server takes its own default instead.
        assert read == (value if value not in ((), None, "") else parameter.default), name


@given(
    method=st.sampled_from(list(METHODS.values())),
    given=st.dictionaries(
        st.sampled_from(sorted({name for m in METHODS.values() for name in parameters(m)})),
        st.lists(st.text(max_size=20) | st.sampled_from(["2026-03-02 00:00:00", "1;2"])),
    ),
)
def test_any_garbage_names_a_field_of_the_method(
    method: type[Method], given: dict[str, list[str]]
) -> None:
    try:
        understood: object = wire.decode(method, given)
    except wire.BadParameter as error:
        understood = error
    if isinstance(understood, wire.BadParameter):
        assert understood.name in parameters(method)
        assert understood.reason
        assert 100 < understood.code < 600
    else:
        assert isinstance(understood, method)


def test_every_async_spelling_is_of_a_method_that_can_be_ordered() -> None:
    for name, spelling in ASYNC_SPELLINGS.items():
        assert name == f"{spelling.method.name}Async"
        assert {*spelling.absent, *spelling.fixed} <= parameters(spelling.method).keys()
