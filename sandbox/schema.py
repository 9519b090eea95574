"""The sandbox's SQLite file.

Times are seconds since 1970 (UTC), money is whole micro-units (0.000001 of the account's
currency), so that sums are exact.

Ids tell the time. Sessions, transactions, ACD sessions and audit entries take their ids from
`id_range`: every second has its own block of ids. So the order by id *is* the order by (time,
id), a period is a range of ids, and what has not happened yet simply lies beyond the present.

Each list can be filtered in many ways. Its `…_facets` table says for every way and value which
rows it finds, in order: a page is a stretch of one such list, and `…_milestones`, which notes
the place of every `MILESTONE`th entry, lets us count any stretch without walking through it.
`…_bitmaps` and `seconds` count what meets several conditions (`bitmaps.py`).
"""

from enum import IntEnum

VERSION = 2  # raise it when a file made before no longer does; the sandbox then makes a new one
EPOCH = 1_704_067_200  # 2024-01-01 00:00:00 UTC, when the first ids were given out
IDS_PER_SECOND = 128
MILESTONE = 128
NUMBERS = 32_768  # in a blob: memory for larger ones is not kept, and new memory is slow

type Row = tuple[object, ...]
type Value = int | str  # of a facet


class Facet(IntEnum):
    """The ways to find a row; `ALL` has the one value 0."""

    ALL = 0
    APPLICATION = 1
    RULE = 2
    USER = 3
    REMOTE_NUMBER = 4
    LOCAL_NUMBER = 5
    CUSTOM_DATA = 6
    DURATION = 7  # value: bit length of the seconds, so bucket 7 holds 64 … 127 s
    TYPE = 8
    BY_USER = 9  # a user's transactions; value 1
    SUBSCRIPTION = 10
    RESOURCE_TYPE = 11
    PRICE_GROUP = 12
    PAYMENT_REFERENCE = 13
    REQUEST = 14
    QUEUE = 15
    CALLER = 16
    OPERATOR_HANGUP = 17
    UNSERVICED = 18
    REJECTED = 19
    WAITING = 20  # value: bit length of the seconds
    ADMIN_USER = 21
    IP = 22
    COMMAND = 23
    LEAF = 24  # any value inside the arguments or the result of an audited command


def first_id(moment: int) -> int:
    """The first id that can be given out at `moment`."""
    return (moment - EPOCH) * IDS_PER_SECOND


def moment_of(id_: int) -> int:
    """The second in which `id_` was given out."""
    return id_ // IDS_PER_SECOND + EPOCH


TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE accounts (
    account_id INTEGER PRIMARY KEY,
    account_name TEXT NOT NULL UNIQUE,
    account_email TEXT NOT NULL UNIQUE,
    api_key TEXT NOT NULL,
    currency TEXT NOT NULL,
    location TEXT NOT NULL,
    parent_id INTEGER
);
CREATE TABLE applications (
    application_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    application_name TEXT NOT NULL UNIQUE,
    secure INTEGER NOT NULL
);
CREATE TABLE rules (
    rule_id INTEGER PRIMARY KEY,
    application_id INTEGER NOT NULL,
    rule_name TEXT NOT NULL
);
CREATE TABLE users (
    user_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    user_name TEXT NOT NULL,
    user_display_name TEXT NOT NULL
);
CREATE TABLE phone_numbers (
    phone_number TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL,
    application_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE queues (
    acd_queue_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    acd_queue_name TEXT NOT NULL
);
CREATE TABLE subscriptions (
    subscription_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    subscription_name TEXT NOT NULL
);
CREATE TABLE price_groups (
    price_group_id INTEGER PRIMARY KEY,
    price_group_name TEXT NOT NULL UNIQUE,
    resource_type TEXT NOT NULL
);
CREATE TABLE end_reasons (
    end_reason_id INTEGER PRIMARY KEY,
    code INTEGER NOT NULL,
    details TEXT NOT NULL
);

CREATE TABLE sessions (
    session_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    application_id INTEGER NOT NULL,
    rule_id INTEGER NOT NULL,
    user_id INTEGER,
    start_date INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    initiator_address TEXT NOT NULL,
    media_server_address TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    audio_quality TEXT NOT NULL,
    custom_data TEXT
);
CREATE TABLE calls (
    session_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    duration INTEGER,  -- NULL: never answered
    local_number TEXT NOT NULL,
    remote_number TEXT NOT NULL,
    remote_number_type TEXT NOT NULL,
    diversion_number TEXT,
    incoming INTEGER NOT NULL,
    successful INTEGER NOT NULL,
    transaction_id INTEGER,
    record_id INTEGER,
    cost INTEGER NOT NULL,
    custom_data TEXT,
    end_reason_id INTEGER NOT NULL,
    price_group_id INTEGER,
    PRIMARY KEY (session_id, call_id)
) WITHOUT ROWID;
CREATE TABLE records (
    record_id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL,
    record_name TEXT,
    start_time INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    channels INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    transaction_id INTEGER,
    transcribed_at INTEGER,  -- when the transcript is complete; NULL: not required
    expires_at INTEGER NOT NULL,
    removed_at INTEGER,
    own_storage INTEGER NOT NULL  -- kept by the customer, out of DeleteRecord's reach
);
CREATE TABLE usages (
    session_id INTEGER NOT NULL,
    resource_usage_id INTEGER NOT NULL,
    resource_type TEXT NOT NULL,
    cost INTEGER NOT NULL,
    description TEXT,
    used_at INTEGER NOT NULL,
    transaction_id INTEGER,
    resource_quantity INTEGER NOT NULL,
    unit TEXT NOT NULL,
    ref_call_id INTEGER,
    PRIMARY KEY (session_id, resource_usage_id)
) WITHOUT ROWID;

CREATE TABLE transactions (
    transaction_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    performed_at INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    balance INTEGER NOT NULL,  -- of the account, after this transaction
    transaction_type TEXT NOT NULL,
    description TEXT,
    payment_reference TEXT,
    user_id INTEGER,
    application_id INTEGER,
    subscription_id INTEGER,
    price_group_id INTEGER,
    part_id INTEGER,  -- the call, record or resource usage that was charged
    held_at INTEGER  -- since then on hold, until performed_at; NULL: never was
);

CREATE TABLE acd_sessions (
    acd_session_history_id INTEGER PRIMARY KEY,
    acd_request_id TEXT NOT NULL,
    account_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    begin_time INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    acd_queue_id INTEGER NOT NULL,
    user_id INTEGER,
    waiting_duration INTEGER NOT NULL,
    in_service_duration INTEGER,
    after_service_duration INTEGER,
    caller_id TEXT NOT NULL,
    custom_data TEXT,
    operator_hangup INTEGER NOT NULL,
    unserviced INTEGER NOT NULL,
    rejected INTEGER NOT NULL
);
CREATE TABLE acd_events (
    acd_session_history_id INTEGER NOT NULL,
    acd_session_event_id INTEGER NOT NULL,
    time INTEGER NOT NULL,
    type TEXT NOT NULL,
    user_id INTEGER,
    custom_data TEXT,
    PRIMARY KEY (acd_session_history_id, acd_session_event_id)
) WITHOUT ROWID;

CREATE TABLE audit_log (
    audit_log_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    subuser_id INTEGER,
    subuser_name TEXT,
    requested INTEGER NOT NULL,
    ip TEXT NOT NULL,
    cmd_name TEXT NOT NULL,
    cmd_args TEXT NOT NULL,  -- JSON objects
    cmd_result TEXT
);

-- noun: session (durations of its calls), acd (waiting). A part has so many NUMBERS of 16 bits,
-- 65535: none. Of a row with more than two different ones those between are in `others`, each
-- as (row within the part) * 65535 + seconds in 32 bits.
CREATE TABLE seconds (
    noun TEXT NOT NULL, account_id INTEGER NOT NULL, part INTEGER NOT NULL,
    known_after INTEGER NOT NULL,  -- seconds from a row's moment until all its numbers are known
    longest BLOB NOT NULL, shortest BLOB NOT NULL, others BLOB NOT NULL,
    PRIMARY KEY (noun, account_id, part)
);

-- What a running sandbox changed, so that it can be taken back; noun: record, audit.
CREATE TABLE changes (noun TEXT NOT NULL, id INTEGER NOT NULL);

-- What a reconciliation has to find, so that a test can know it. `part` is the call whose cost
-- and charge do not match, `transaction_id` the charge; amounts as in the other tables.
CREATE TABLE anomalies (
    kind TEXT NOT NULL,  -- charge_without_call, call_without_charge, differing_amount
    account_id INTEGER NOT NULL,
    session_id INTEGER,
    call_id INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    cost INTEGER,
    amount INTEGER
);
"""

FACET_TABLES = "".join(
    f"""
CREATE TABLE {noun}_facets (
    facet INTEGER NOT NULL, account_id INTEGER NOT NULL, value NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (facet, account_id, value, id)
) WITHOUT ROWID;
CREATE TABLE {noun}_milestones (
    facet INTEGER NOT NULL, account_id INTEGER NOT NULL, value NOT NULL, id INTEGER NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (facet, account_id, value, id)
) WITHOUT ROWID;
"""
    for noun in ("session", "transaction", "acd", "audit")
)
# Blobs in the machine's byte order. Audit entries have none: a running sandbox adds to them.
BITMAP_TABLES = "".join(
    f"""
CREATE TABLE {noun}_bitmaps (
    facet INTEGER NOT NULL, account_id INTEGER NOT NULL, value NOT NULL, bits BLOB NOT NULL,
    PRIMARY KEY (facet, account_id, value)
);
"""
    for noun in ("session", "transaction", "acd")
)

# Made after the rows are in: a sorted index is quicker to write than to grow.
INDEXES = """
CREATE INDEX records_of_session ON records (session_id);
CREATE INDEX holds ON transactions (held_at) WHERE held_at IS NOT NULL;
"""
