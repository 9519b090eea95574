import logging
import time


class LineFormatter(logging.Formatter):
    """One line an event, in UTC. Only a traceback takes more."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:
        # What a client sends must not be able to look like a line of its own.
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
