"""What ostler logs about itself: to standard error."""

from __future__ import annotations

import json
import logging

from ostler.settings import LogSettings

from ._output import say

__all__ = ["configure"]


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # A warning is one line to a person; the traceback is for those who ask for it.
        text = f"{record.levelname.lower()}: {record.getMessage()}"
        if record.exc_info and logging.getLogger("ostler").isEnabledFor(logging.DEBUG):
            text += "\n" + self.formatException(record.exc_info)
        return text


class _ToStandardError(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


def configure(settings: LogSettings) -> None:
    """Send the records of ``ostler`` to standard error, in the form and from the level that is set."""
    logger = logging.getLogger("ostler")
    handler = _ToStandardError()
    handler.setFormatter(_Json() if settings.format == "json" else _Text())
    logger.handlers = [handler]
    logger.setLevel(settings.level.upper())
