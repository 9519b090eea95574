"""Ordering deletions of the sandbox's recordings, and what came of it."""

from typing import Any

from django.test import Client

from history.models.deletions import Deletion
from tests.conftest import Sandbox
from tests.history.calls_of import sessions

WHY = "The customer asked for it"


def heard(count: int = 1) -> list[tuple[int, int]]:
    """Session and record of the newest recordings that can be heard."""
    found = [
        (session.call_session_history_id, record.record_id)
        for session in sessions()
        for record in session.records
        if record.record_url and not record.is_removed
    ]
    return found[:count]


def named(pairs: list[tuple[int, int]]) -> dict[str, list[str]]:
    return {"record": [f"{session}-{record}" for session, record in pairs]}


def order(client: Client, pairs: list[tuple[int, int]], **said: str) -> Any:
    typed = {"typed": str(len(pairs))} if len(pairs) > 1 else {}
    return client.post("/deletions/new/", {**named(pairs), "reason": WHY, **typed, **said})


def fates(found: Deletion) -> dict[int, str]:
    return dict(found.items.values_list("record_id", "fate"))


def asked_to_delete(sandbox: Sandbox) -> list[int]:
    return [
        int(r["params"]["record_id"]) for r in sandbox.requests if r["method"] == "DeleteRecord"
    ]
