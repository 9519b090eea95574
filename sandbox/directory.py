"""What an account consists of and what hardly ever changes: read once, kept in memory."""

# Statements are put together from our own words only; values are bound.
# ruff: noqa: S608

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    account_id: int
    account_name: str
    account_email: str
    api_key: str
    currency: str
    location: str  # an IANA zone: what `timezone=auto` stands for
    parent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    application_id: int
    account_id: int
    application_name: str
    secure: bool  # its recordings and logs open only with credentials


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    rule_id: int
    application_id: int
    rule_name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    user_id: int
    account_id: int
    user_name: str
    user_display_name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceGroup:
    price_group_id: int
    price_group_name: str
    resource_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Directory:
    """Everything by id; `end_reasons` are as the API writes them."""

    seed: int
    accounts: dict[int, Account]
    applications: dict[int, Application]
    rules: dict[int, Rule]
    users: dict[int, User]
    subscriptions: dict[int, str]
    price_groups: dict[int, PriceGroup]
    end_reasons: dict[int, dict[str, int | str]]

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> Self:
        def table[R](kind: type[R], name: str) -> dict[int, R]:
            rows = connection.execute(f"SELECT * FROM {name}")
            return {row[0]: kind(**dict(row)) for row in rows}

        seed = connection.execute("SELECT value FROM facts WHERE name = 'seed'").fetchone()
        return cls(
            seed=seed[0],
            accounts=table(Account, "accounts"),
            applications={
                id_: replace(application, secure=bool(application.secure))
                for id_, application in table(Application, "applications").items()
            },
            rules=table(Rule, "rules"),
            users=table(User, "users"),
            subscriptions={
                row[0]: row[1]
                for row in connection.execute(
                    "SELECT subscription_id, subscription_name FROM subscriptions"
                )
            },
            price_groups=table(PriceGroup, "price_groups"),
            end_reasons={
                row["end_reason_id"]: {"code": row["code"], "details": row["details"]}
                for row in connection.execute("SELECT * FROM end_reasons")
            },
        )

    def application_ids(self, application_id: int | None, name: str | None) -> tuple[int, ...]:
        """The application meant by its id, or by its name; none if the name is unknown."""
        if application_id is not None:
            return (application_id,)
        known = self.applications.values()
        return tuple(a.application_id for a in known if a.application_name == name)

    def rule_ids(self, name: str, applications: Sequence[int]) -> tuple[int, ...]:
        return tuple(
            rule.rule_id
            for rule in self.rules.values()
            if rule.rule_name == name and rule.application_id in applications
        )

    def subscription_ids(self, names: Sequence[str]) -> tuple[int, ...]:
        return tuple(id_ for id_, name in self.subscriptions.items() if name in names)
