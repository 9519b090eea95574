"""The customer whose calls the sandbox tells about: a clinic group with three child accounts.

Everything that is there before the first call: accounts, applications and their rules, people,
numbers, prices. Prices are micro-units a minute or a piece.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

PARENT, SHOP, AMERICA, POLAND = 48_211, 48_340, 48_355, 48_377

MEDIA_SERVERS = ("198.51.100.7", "198.51.100.19", "198.51.100.44", "198.51.100.103")
INITIATORS = (
    *(f"192.0.2.{last}" for last in (14, 41, 77, 130, 201)),
    *(f"203.0.113.{last}" for last in (5, 9, 62, 118)),
    "2001:db8:40::17",
)


@dataclass(frozen=True, kw_only=True)
class AccountPlan:
    """An account and how much of the traffic is its own; `phone` names the country it calls."""

    account_id: int
    name: str
    currency: str
    location: str
    share: float
    phone: str
    parent_id: int | None = None

    @property
    def email(self) -> str:
        return f"billing@{self.name}.example"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.location)


ACCOUNTS = (
    AccountPlan(
        account_id=PARENT,
        name="nordlicht",
        currency="EUR",
        location="Europe/Berlin",
        share=0.62,
        phone="Germany",
    ),
    AccountPlan(
        account_id=SHOP,
        name="nordlicht-shop",
        currency="EUR",
        location="Europe/Berlin",
        share=0.18,
        phone="Germany",
        parent_id=PARENT,
    ),
    AccountPlan(
        account_id=AMERICA,
        name="nordlicht-us",
        currency="USD",
        location="America/New_York",
        share=0.12,
        phone="USA",
        parent_id=PARENT,
    ),
    AccountPlan(
        account_id=POLAND,
        name="nordlicht-polska",
        currency="EUR",
        location="Europe/Warsaw",
        share=0.08,
        phone="Poland",
        parent_id=PARENT,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Application:
    application_id: int
    account_id: int
    name: str
    secure: bool = False


@dataclass(frozen=True, eq=False)
class Rule:
    """A routing rule: which script a call runs, and how often by day and by night.

    `queue` is the ACD queue of a support line, `batch` says that sessions are started together,
    on the quarter hour; what a `flavour` means is its script's affair.
    """

    rule_id: int
    application: Application
    name: str
    script: str
    day: float
    night: float
    queue: int | None
    batch: bool
    flavour: str


FRONTDESK = Application(
    application_id=70_315, account_id=PARENT, name="frontdesk.nordlicht.example"
)
CLINIC = Application(
    application_id=70_316, account_id=PARENT, name="clinic.nordlicht.example", secure=True
)
REMINDERS = Application(
    application_id=70_317, account_id=PARENT, name="reminders.nordlicht.example"
)
CONFERENCE = Application(
    application_id=70_318, account_id=PARENT, name="conference.nordlicht.example"
)
SALES = Application(
    application_id=70_319, account_id=PARENT, name="sales.nordlicht.example", secure=True
)
VOICEBOT = Application(application_id=70_320, account_id=PARENT, name="voicebot.nordlicht.example")
VIDEO = Application(application_id=70_321, account_id=PARENT, name="video.nordlicht.example")
ORDERS = Application(application_id=71_102, account_id=SHOP, name="orders.nordlicht-shop.example")
COURIER = Application(application_id=71_103, account_id=SHOP, name="courier.nordlicht-shop.example")
DISPATCH = Application(
    application_id=71_850, account_id=AMERICA, name="dispatch.nordlicht-us.example"
)
SURVEY = Application(application_id=71_851, account_id=AMERICA, name="survey.nordlicht-us.example")
INFOLINE = Application(
    application_id=72_240,
    account_id=POLAND,
    name="infolinia.nordlicht-polska.example",
    secure=True,
)
NOTICES = Application(
    application_id=72_241, account_id=POLAND, name="przypomnienia.nordlicht-polska.example"
)
APPLICATIONS = (
    FRONTDESK,
    CLINIC,
    REMINDERS,
    CONFERENCE,
    SALES,
    VOICEBOT,
    VIDEO,
    ORDERS,
    COURIER,
    DISPATCH,
    SURVEY,
    INFOLINE,
    NOTICES,
)

_rule_ids = count(90_411, 7)


def _rule(
    application: Application,
    name: str,
    script: str,
    day: float,
    *,
    night: float = 0.0,
    queue: int | None = None,
    batch: bool = False,
    flavour: str = "",
) -> Rule:
    return Rule(next(_rule_ids), application, name, script, day, night, queue, batch, flavour)


RULES = (
    _rule(FRONTDESK, "inbound", "support_line", 20, queue=318),
    _rule(FRONTDESK, "after-hours", "answering_machine", 0, night=30),
    _rule(FRONTDESK, "mobile-forwarding", "forwarded", 6, night=10),
    _rule(CLINIC, "patients", "support_line", 12, queue=319, flavour="recorded"),
    _rule(CLINIC, "emergency", "support_line", 2, night=20, queue=320, flavour="recorded"),
    _rule(REMINDERS, "appointment-reminder", "notification", 18, batch=True, flavour="TTS_YANDEX"),
    _rule(REMINDERS, "payment-reminder", "notification", 6, batch=True, flavour="TTS_ELEVENLABS"),
    _rule(CONFERENCE, "rooms", "conference", 4),
    _rule(SALES, "click-to-call", "click_to_call", 14),
    _rule(SALES, "callback", "click_to_call", 4, flavour="callback"),
    _rule(VOICEBOT, "bot", "voice_bot", 8, night=25, flavour="ASR"),
    _rule(VOICEBOT, "bot-fallback", "voice_bot", 2, night=5, flavour="YANDEXASR"),
    _rule(VIDEO, "visit", "video_visit", 3),
    _rule(VIDEO, "visit-recorded", "video_visit", 1, flavour="recorded"),
    _rule(ORDERS, "orders", "support_line", 12, night=6, queue=410),
    _rule(ORDERS, "returns", "voice_bot", 5, night=4, flavour="ASR"),
    _rule(COURIER, "masking", "forwarded", 9, night=2),
    _rule(DISPATCH, "dispatch", "support_line", 10, night=8, queue=505, flavour="recorded"),
    _rule(DISPATCH, "branch-office", "sip_trunk", 4, night=2),
    _rule(SURVEY, "survey-wave", "notification", 8, batch=True, flavour="TTS_TEXT_GOOGLE"),
    _rule(INFOLINE, "infolinia", "support_line", 8, night=3, queue=611),
    _rule(NOTICES, "wizyty", "notification", 6, batch=True, flavour="TTS_YANDEX"),
)
RULES_OF = {
    account.account_id: tuple(
        rule for rule in RULES if rule.application.account_id == account.account_id
    )
    for account in ACCOUNTS
}
QUEUES = {
    318: (PARENT, "Reception"),
    319: (PARENT, "Patients"),
    320: (PARENT, "Emergency"),
    410: (SHOP, "Orders"),
    505: (AMERICA, "Dispatch"),
    611: (POLAND, "Infolinia"),
}


class User(NamedTuple):
    user_id: int
    name: str
    display_name: str


def _users(first_id: int, *people: str) -> tuple[User, ...]:
    return tuple(
        User(first_id + 4 * n, person.partition("=")[0], person.partition("=")[2])
        for n, person in enumerate(people)
    )


USERS: Mapping[int, tuple[User, ...]] = {
    PARENT: _users(
        20_401,
        "operator1=Katrin Vogel",
        "operator2=Jörg Brandt",
        "operator3=Aylin Yıldız",
        "operator4=Ole Petersen",
        "operator5=Мария Соколова",
        "operator6=Sophie Müller-Lüdenscheidt",
        "operator7=Tomasz Zieliński",
        "operator8=Élodie Garnier",
        "nurse1=Birgit Åkesson",
        "nurse2=Fatima El-Sayed",
        "sales1=Nils Hofmann",
        "sales2=Greta Lindqvist",
        "sales3=Ivo Marić",
    ),
    SHOP: _users(
        21_118,
        "shop1=Lena Schröder",
        "shop2=Paul O'Brien",
        "shop3=Zoë Krüger",
        "returns1=Deniz Aksoy",
        "returns2=Hanna Weiß",
    ),
    AMERICA: _users(
        22_040,
        "dispatcher1=Maria Gonzalez",
        "dispatcher2=DeShawn Carter",
        "dispatcher3=Emily Nguyen",
        "nightdesk=Robert King",
    ),
    POLAND: _users(
        23_009,
        "infolinia1=Agnieszka Wójcik",
        "infolinia2=Łukasz Dąbrowski",
        "infolinia3=Ewa Kowalczyk",
    ),
}

# Numbers the accounts rent, by application; each costs its fee every month.
NUMBERS: Mapping[Application, tuple[str, ...]] = {
    FRONTDESK: ("493055501234", "493055501235", "494055560100", "498955570400", "4980055512345"),
    CLINIC: ("493055502200", "493055502201", "4922155580011"),
    REMINDERS: ("493055503000", "493055503001"),
    CONFERENCE: ("493055504040",),
    SALES: ("493055505500", "494055560177"),
    VOICEBOT: ("493055506600", "498955570417"),
    VIDEO: ("493055507700",),
    ORDERS: ("494055561000", "494055561001"),
    COURIER: ("494055562000", "494055562001", "494055562002"),
    DISPATCH: ("12125550143", "13125550178"),
    SURVEY: ("14155550129",),
    INFOLINE: ("48225550110",),
    NOTICES: ("48225550144",),
}
TOLL_FREE = "4980055512345"


class Country(NamedTuple):
    """`#` of a number is any digit; prices a minute to fixed and mobile lines."""

    name: str
    weight: float
    fixed: tuple[str, ...]
    mobile: tuple[str, ...]
    fixed_price: int
    mobile_price: int


COUNTRIES = (
    Country(
        "Germany",
        20,
        ("4930######", "4940#######", "4989########", "49221#######"),
        ("49151########", "49160#######", "49176########"),
        9_000,
        21_500,
    ),
    Country("Austria", 6, ("43662######",), ("43664#######", "43699########"), 11_200, 38_400),
    Country(
        "Switzerland", 5, ("4144#######", "4122#######"), ("4179#######",), 19_800, 142_600
    ),
    Country("Netherlands", 4, ("3120#######", "3110#######"), ("3161#######",), 8_700, 29_100),
    Country("France", 5, ("33142######",), ("3361#######",), 9_400, 33_300),
    Country(
        "United Kingdom", 6, ("44207#######", "44161#######"), ("447400######",), 7_900, 26_700
    ),
    Country("Poland", 9, ("4822#######", "4812#######"), ("48601######", "48512######"), 12_100,
            22_900),
    Country("Czechia", 3, ("4202########",), ("420602######", "420777######"), 13_800, 36_000),
    Country("Spain", 3, ("3491#######", "3493#######"), ("346########",), 8_100, 24_800),
    Country("Italy", 3, ("3906########", "3902########"), ("39347#######",), 10_500, 31_700),
    Country("Denmark", 2, ("453312####",), ("452012####",), 7_100, 19_900),
    Country("Sweden", 2, ("468########",), ("4670#######",), 6_800, 20_300),
    Country("USA", 8, ("12125######", "13122######", "14157######"), ("19173######",), 5_900,
            5_900),
    Country("Canada", 2, ("14165######", "15142######"), ("16478######",), 6_100, 6_100),
    Country("Brazil", 1, ("55113#######",), ("55119########",), 14_600, 61_200),
    Country("Turkey", 3, ("90212#######",), ("90532#######",), 23_700, 78_500),
    Country("India", 1, ("91222#######",), ("9198########",), 17_300, 17_300),
    Country("Australia", 1, ("6129#######",), ("6141#######",), 12_900, 41_400),
    Country("Japan", 1, ("8133#######",), ("819012######",), 27_600, 93_100),
    Country("Kazakhstan", 1, ("77272######",), ("7701#######",), 58_300, 128_900),
    Country("Russia", 2, ("7495#######", "7812#######"), ("7916#######", "7921#######"), 16_100,
            49_800),
    Country("Israel", 1, ("9723#######",), ("972541######",), 9_900, 27_200),
    Country("South Africa", 1, ("2711#######",), ("2782#######",), 34_400, 71_700),
    Country("United Arab Emirates", 1, ("97142######",), ("97150#######",), 141_300, 148_200),
)  # fmt: skip


class PriceGroup(NamedTuple):
    price_group_id: int
    name: str
    resource_type: str
    price: int


class Unit(NamedTuple):
    """How a resource is counted: `price` is for one `unit`."""

    unit: str
    price: int
    description: str


RESOURCES: Mapping[str, Unit] = {
    "CALLSESSION": Unit("piece", 500, "Session of a bot"),
    "VIDEOCALL": Unit("minute", 3_000, "Video call"),
    "VIDEORECORD": Unit("minute", 2_500, "Video recording"),
    "VOICEMAILDETECTION": Unit("piece", 2_000, "Answering machine detection"),
    "YANDEXASR": Unit("15 seconds", 1_640, "Speech recognition, Yandex"),
    "ASR": Unit("15 seconds", 2_000, "Speech recognition, Google"),
    "TRANSCRIPTION": Unit("minute", 10_250, "Transcription of a recording"),
    "TTS_TEXT_GOOGLE": Unit("symbol", 16, "Speech synthesis, Google"),
    "TTS_YANDEX": Unit("symbol", 12, "Speech synthesis, Yandex"),
    "AUDIOHDCONFERENCE": Unit("minute", 900, "HD conference"),
    "TTS_ELEVENLABS": Unit("symbol", 105, "Speech synthesis, ElevenLabs"),
}
RECORD_PRICE = 546  # a minute

_group_ids = count(1)


def _group(name: str, resource_type: str, price: int) -> PriceGroup:
    return PriceGroup(next(_group_ids), name, resource_type, price)


OUTGOING = {
    (country.name, kind): _group(f"{country.name} {kind}", "PSTN_OUT", price)
    for country in COUNTRIES
    for kind, price in (("fixed", country.fixed_price), ("mobile", country.mobile_price))
}
INCOMING = {
    name: _group(f"Incoming {name}", "PSTN_IN", price)
    for name, price in (
        ("Germany", 6_100),
        ("Germany toll-free", 31_000),
        ("USA", 4_800),
        ("Poland", 7_300),
    )
}
SIP_GROUP = _group("SIP address", "SIP", 3_900)
RECORD_GROUP = _group("Recording", "RECORD", RECORD_PRICE)
RESOURCE_GROUPS = {
    name: _group(unit.description, name, unit.price) for name, unit in RESOURCES.items()
}
PRICE_GROUPS = (
    *OUTGOING.values(),
    *INCOMING.values(),
    SIP_GROUP,
    RECORD_GROUP,
    *RESOURCE_GROUPS.values(),
)

INCOMING_GROUP = {
    number: INCOMING[
        "Germany toll-free"
        if number == TOLL_FREE
        else next(plan.phone for plan in ACCOUNTS if plan.account_id == application.account_id)
    ]
    for application, numbers in NUMBERS.items()
    for number in numbers
}

# Kinds of subscription: id, account, name, monthly price in micro-units, day of the month.
SUBSCRIPTIONS = (
    (5_201, PARENT, "Dedicated technical support", 89_000_000, 3),
    (5_202, PARENT, "Long storage of recordings", 24_500_000, 12),
    (5_203, SHOP, "Number masking", 15_000_000, 17),
    (5_204, AMERICA, "SIP trunk New York", 19_000_000, 8),
)


class EndReason(NamedTuple):
    end_reason_id: int
    code: int
    details: str


END_REASONS = tuple(
    EndReason(n, code, details)
    for n, (code, details) in enumerate(
        (
            (200, "Normal call clearing"),
            (486, "Busy Here"),
            (486, ""),
            (487, "Request Terminated"),
            (480, "Temporarily Unavailable"),
            (480, "User offline"),
            (603, "Decline"),
            (603, ""),
            (404, "Not Found"),
            (408, "Request Timeout"),
            (503, "Service Unavailable"),
            (484, "Address Incomplete"),
            (402, "Insufficient funds"),
            (403, "Forbidden"),
            (500, "Internal Server Error"),
        ),
        start=1,
    )
)
CLEARED = END_REASONS[0]
GAVE_UP = END_REASONS[3]
OFFLINE = END_REASONS[5]
NO_MONEY = END_REASONS[12]
# Why an outgoing call fails, the more frequent the more often it is named.
FAILURES = tuple(
    END_REASONS[n] for n in (1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 6, 6, 7, 8, 8, 9, 10, 11, 13, 14)
)

NORMAL = "Normal termination"
OUT_OF_FUNDS = "Insufficient funds"
# Other ends of a session, with how many sessions in 100 000 meet them.
MISHAPS = {
    "JS session error": 600,
    "Timeout": 350,
    "Internal error (billing timeout)": 120,
    "Terminated administratively": 90,
}


class Party(NamedTuple):
    """Someone outside, reachable at `number`; `group` prices calls to it."""

    number: str
    kind: str  # as `remote_number_type` says it
    group: PriceGroup


def parties(chance: Random, home: str, size: int) -> Iterator[Party]:
    """So many callers of an account, most of them from its own country."""
    weights = [country.weight + (160 if country.name == home else 0) for country in COUNTRIES]
    for country in chance.choices(COUNTRIES, weights, k=size):
        kind = "mobile" if chance.random() < 0.65 else "fixed"
        template = chance.choice(country.mobile if kind == "mobile" else country.fixed)
        # Digits for each '#', at once: a loop over them costs more than everything else here.
        blanks = template.count("#")
        digits = str(chance.randrange(10**blanks, 2 * 10**blanks))[1:]
        number = template[: len(template) - blanks] + digits
        wire_kind = "mobile" if kind == "mobile" else "pstn"
        yield Party(number, wire_kind, OUTGOING[country.name, kind])


def api_key(chance: Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
