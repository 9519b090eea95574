"""Backup, loss of everything, restore: rows, files and the trail are as they were."""

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from history.models import Report, TrailEntry
from history.reports import files
from tests.history.reports import stored


def manage(*words: str, **options: object) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def test_a_backup_brings_back_rows_files_and_the_trail(
    transactional_db, sandbox, client_as, settings, tmp_path
):
    report = stored()
    client_as("finance").get("/transactions/?from_date=2026-06-01&to_date=2026-06-02")
    entries, content = TrailEntry.objects.count(), files.open_text(report.file).read()
    assert entries
    target = tmp_path / "today.tar"
    said = manage("backup", str(target))
    assert f"{connection.vendor}, 1 files of reports" in said
    assert "SECRET_KEY" in said
    assert target.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="is there already"):
        manage("backup", str(target))

    # What comes after the backup is to be gone, what goes is to come back.
    User.objects.create_user("late")
    Report.objects.all().delete()
    shutil.rmtree(Path(settings.DATA_DIR) / "reports")
    with pytest.raises(CommandError, match=r"not empty.*--replace"):
        manage("restore", str(target))
    assert User.objects.filter(username="late").exists()

    said = manage("restore", str(target), "--replace")
    assert f"All {entries} rows of the trail hold." in said
    assert "SECRET_KEY" not in said
    assert not User.objects.filter(username="late").exists()
    again = Report.objects.get(pk=report.pk)
    assert again.verified
    assert files.open_text(again.file).read() == content
    assert "All" in manage("verify_trail")
    assert "No migrations to apply" in manage("migrate")

    settings.SECRET_KEY = "another key than that of the backup"
    assert "SECRET_KEY is another" in manage("restore", str(target), "--replace")


def test_what_is_no_backup_is_refused_before_anything_changes(db, tmp_path):
    for content, words in ((b"nothing of the kind", "cannot be read"), (b"", "cannot be read")):
        (tmp_path / "x.tar").write_bytes(content)
        with pytest.raises(CommandError, match=words):
            manage("restore", str(tmp_path / "x.tar"), "--replace")
