"""Sums of transactions, exact, by currency and by type; of rows at hand and nothing else."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django_stubs_ext import StrOrPromise

from history.api.replies import TransactionInfoType
from history.words import transaction_type


@dataclass(frozen=True, kw_only=True)
class TypeSum:
    """How much one kind of transaction comes to; negative where it was charged."""

    name: str
    label: StrOrPromise
    rows: int
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class CurrencySum:
    """What came in and what went out in one currency; `out` is negative or zero."""

    currency: str
    rows: int
    into: Decimal
    out: Decimal
    types: Sequence[TypeSum]

    @property
    def net(self) -> Decimal:
        return self.into + self.out


def sums(transactions: Iterable[TransactionInfoType]) -> list[CurrencySum]:
    """One sum for each currency, the one with most rows first."""
    of_currency: dict[str, list[TransactionInfoType]] = defaultdict(list)
    for transaction in transactions:
        of_currency[transaction.currency].append(transaction)
    found = [_sum(currency, rows) for currency, rows in of_currency.items()]
    return sorted(found, key=lambda one: (-one.rows, one.currency))


def _sum(currency: str, rows: Sequence[TransactionInfoType]) -> CurrencySum:
    amounts = [row.amount for row in rows]
    return CurrencySum(
        currency=currency,
        rows=len(rows),
        into=sum((amount for amount in amounts if amount > 0), Decimal(0)),
        out=sum((amount for amount in amounts if amount < 0), Decimal(0)),
        types=_types(rows),
    )


def _types(rows: Sequence[TransactionInfoType]) -> list[TypeSum]:
    of_type: dict[str, list[Decimal]] = defaultdict(list)
    for row in rows:
        of_type[row.transaction_type].append(row.amount)
    found = [
        TypeSum(
            name=name,
            label=transaction_type(name),
            rows=len(amounts),
            amount=sum(amounts, Decimal(0)),
        )
        for name, amounts in of_type.items()
    ]
    return sorted(found, key=lambda one: (-abs(one.amount), one.name))


def decimals(transactions: Iterable[TransactionInfoType]) -> int:
    """The most decimals any amount has, so that marks can stand under each other."""
    exponents = (transaction.amount.as_tuple().exponent for transaction in transactions)
    return max((-exponent for exponent in exponents if isinstance(exponent, int)), default=2)
