from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from ostler.cli._logging import configure
from ostler.settings import LogSettings

log = logging.getLogger("ostler.test")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    logger = logging.getLogger("ostler")
    before = logger.level, logger.handlers
    yield
    logger.level, logger.handlers = before


def _fail() -> None:
    try:
        int("no good")
    except ValueError:
        log.warning("it failed %s times", 2, exc_info=True)


def test_text_is_one_line_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings())
    log.info("not told")
    _fail()
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("", "warning: it failed 2 times\n")


def test_debug_has_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings(level="debug"))
    _fail()
    assert capsys.readouterr().err.endswith("invalid literal for int() with base 10: 'no good'\n")


def test_json_is_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings(format="json"))
    _fail()
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == (
        "warning",
        "ostler.test",
        "it failed 2 times",
    )
    assert "ValueError: invalid literal" in entry["traceback"]


def test_configuring_again_does_not_tell_everything_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(LogSettings())
    configure(LogSettings())
    log.error("once")
    assert capsys.readouterr().err == "error: once\n"
