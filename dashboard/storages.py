"""Where reports are stored, as Django's STORAGES wants it."""

from pathlib import Path
from typing import Any


def report_storage(folder: Path, bucket: str, endpoint: str) -> dict[str, Any]:
    """A private folder of this machine, or a private bucket when one is named.

    Region and keys of the bucket are the AWS tools' own variables (AWS_DEFAULT_REGION,
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or the machine's role.
    """
    if not bucket:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": folder,
                # No address: files leave through a view that checks the right.
                "base_url": None,
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            },
        }
    return {
        "BACKEND": "dashboard.buckets.Bucket",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": endpoint or None,
            "default_acl": None,
            "querystring_auth": True,
            "file_overwrite": True,
        },
    }
