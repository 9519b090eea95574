"""What holds after every test of the pages."""

from collections.abc import Iterator

import pytest

from history.views import media


@pytest.fixture(autouse=True)
def no_file_left_open() -> Iterator[None]:
    """A file that a test opens and does not read to its end keeps its place, and a later test of
    the same process is told to come back."""
    yield
    free = media._parts._value, media._wholes._value
    assert free == (media.PARTS, media.WHOLES), "read or close the files that were asked for"
