"""Reports in a bucket: of a real server that speaks S3, which may be away or say no."""

import gzip
import hashlib
import io
import sys

import boto3
import openpyxl
import pytest
from django.core.files.storage import storages

from dashboard.storages import report_storage
from dashboard.supervise import Supervisor
from history.reports import files, storing
from tests.history.reports import carried_out, ordered, stored

BUCKET = "voxledger-reports"


@pytest.fixture(scope="module")
def s3():
    with Supervisor(io.StringIO()) as supervisor:
        words = ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        program = supervisor.start("bucket", [sys.executable, *words])
        yield supervisor.wait_for_line(program, r"Running on (http://127\.0\.0\.1:\d+)", 60)[1]


@pytest.fixture
def keep_in(s3, settings, monkeypatch, sandbox, db, tmp_path):
    """keep_in("name", "http://…"): reports go into that bucket from now on."""
    settings.REPORT_POLL_SECONDS = 0.2
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    place = {"LocationConstraint": "eu-central-1"}
    client = boto3.client("s3", endpoint_url=s3)
    if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)

    def keep(bucket: str, endpoint: str = s3) -> None:
        reports = report_storage(tmp_path, bucket, endpoint)
        settings.STORAGES = {**settings.STORAGES, "reports": reports}

    return keep


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_a_report_lives_in_the_bucket_until_it_is_deleted(keep_in, s3, client_as, people):
    keep_in(BUCKET)
    report = stored(owner=people["finance"])
    client = boto3.client("s3", endpoint_url=s3)
    kept = client.get_object(Bucket=BUCKET, Key=report.file)["Body"].read()
    assert hashlib.sha256(kept).hexdigest() == report.sha256

    finance, path = client_as("finance"), f"/reports/{report.pk}/"
    whole = finance.get(f"{path}file/")
    csv = body(whole)
    assert csv == gzip.decompress(kept)
    part = finance.get(f"{path}file/", headers={"Range": "bytes=100-199"})
    assert (part.status_code, body(part)) == (206, csv[100:200])
    known = {"If-None-Match": whole.headers["ETag"]}
    assert finance.get(f"{path}file/", headers=known).status_code == 304
    assert report.remote["calculated_data"]["transaction_count"] == csv.count(b"\n") - 1

    finance.post(f"{path}make/xlsx/")
    book = openpyxl.load_workbook(io.BytesIO(body(finance.get(f"{path}file/xlsx/"))))
    assert sum(sheet.max_row for sheet in book) >= report.rows_done

    ours = {report.file, *report.copies.values_list("file", flat=True)}
    assert len(ours) == 2
    assert storing.delete_file(report, "no longer needed")
    left = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    assert not ours & {one["Key"] for one in left}


def test_a_part_is_fetched_from_where_it_begins(keep_in, s3, people):
    keep_in(BUCKET)
    report = stored(owner=people["finance"])
    client = boto3.client("s3", endpoint_url=s3)
    kept = client.get_object(Bucket=BUCKET, Key=report.file)["Body"].read()
    asked = []
    events = storages["reports"].connection.meta.client.meta.events
    events.register(
        "before-send.s3.GetObject", lambda request, **_: asked.append(request.headers["Range"])
    )
    with files.open_stored(report.file) as file:
        assert asked == []
        file.seek(len(kept) - 100)
        assert file.read() == kept[-100:]
        file.seek(10)
        assert file.read(20) == kept[10:30]
    assert asked == [f"bytes={len(kept) - 100}-".encode(), b"bytes=10-"]


def test_a_bucket_that_is_away_is_said_and_the_report_goes_on_when_it_is_back(
    keep_in, client_as, people
):
    keep_in(BUCKET, "http://127.0.0.1:1")
    report = carried_out(ordered(owner=people["finance"]), until="Trying again")
    assert "The file cannot be kept: Could not connect to the endpoint" in report.note
    keep_in(BUCKET)
    assert carried_out(report).verified

    keep_in(BUCKET, "http://127.0.0.1:1")
    finance = client_as("finance")
    answer = finance.get(f"/reports/{report.pk}/file/")
    assert answer.status_code == 503
    assert b"The storage of reports cannot be reached" in answer.content
    assert finance.get(f"/reports/{report.pk}/").status_code == 200
    keep_in(BUCKET)
    assert body(finance.get(f"/reports/{report.pk}/file/")).startswith(b'"transaction_id"')


def test_a_bucket_that_is_not_there_is_named(keep_in, people):
    keep_in("no-such-bucket")
    report = carried_out(ordered(owner=people["finance"]), until="Trying again")
    assert "bucket does not exist" in report.note
