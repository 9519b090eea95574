from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler


class SmallUploads(MemoryFileUploadHandler):
    """Files in memory only, and no request larger than they may be: none is read, or kept on the
    disk, whose length says that it is (Django's own limit leaves files out)."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *rest: Any) -> None:
        super().handle_raw_input(input_data, META, content_length, *rest)
        if not self.activated:
            raise RequestDataTooBig("The request is larger than FILE_UPLOAD_MAX_MEMORY_SIZE.")
