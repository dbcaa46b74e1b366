from __future__ import annotations

import io

import pytest
from rich.console import Console

from ostler.cli._exit import Exit
from ostler.cli._live_transfer import LiveTransfer
from ostler.cli._transfers import report_as_json, tell_failures, tell_report, transfer
from ostler.errors import Forbidden
from ostler.services.transfer import Report

from ..ost_support import TestClock


def test_a_report_of_success(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.add_copy(2048)
    report.add_same()
    report.add_removed(1234)
    assert tell_report(report, 61) is Exit.SUCCESS
    expected = "copied 1 object, 2.0 KiB, in 1 min 01 s; 1 the same; 1,234 removed\n"
    assert capsys.readouterr().err == expected


def test_the_first_failures_are_told_and_all_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report()
    for number in range(1200):
        report.add_failure(f"k{number}", Forbidden("not allowed"))
        report.add_vanished(f"v{number}")
    assert tell_report(report, 1) is Exit.INFRASTRUCTURE
    told = capsys.readouterr().err.splitlines()
    assert told[1] == "v0: somebody removed it before it was copied"
    assert "k9: not allowed" in told
    assert "k10: not allowed" not in told
    assert told[-2:] == ["… and 1,190 more", "error: 1,200 objects could not be copied"]
    shown, code = report_as_json(report)
    assert (code, shown["failed"], shown["gone"]) == (Exit.INFRASTRUCTURE, 1200, 1200)
    assert (len(shown["failures"]), len(shown["vanished"])) == (1000, 1000)
    assert shown["failures"][0] == {"name": "k0", "code": "forbidden", "error": "not allowed"}


def test_what_could_not_be_compared_is_not_said_to_be_copied(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report()
    report.add_failure("k", Forbidden("not allowed"))
    assert tell_failures(report, verb="compared") is Exit.INFRASTRUCTURE
    assert capsys.readouterr().err == "k: not allowed\nerror: 1 object could not be compared\n"


def test_where_no_terminal_is_a_line_is_said_every_ten_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = TestClock()
    with transfer(clock, 1, persist=True) as (task, _woken):
        for seconds in (4, 4, 4, 4, 12):
            clock.time += seconds
            task.observer.moved("a", 1 << 20)
        task.observer.ended("a")
    assert capsys.readouterr().err == (
        "0 objects, 3.0 MiB, 256.0 KiB/s\n0 objects, 5.0 MiB, 182.9 KiB/s\n"
    )


def test_large_objects_have_a_row_and_small_ones_none() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    live = LiveTransfer(TestClock(), console)
    live.began("small", 10)
    live.began("[bold]large\x1b[2J", 8 << 20)
    live.began("unknown", None)
    live.moved("[bold]large\x1b[2J", 4 << 20)
    live.moved("small", 10)
    live.ended("small")
    drawn = _drawn(live)
    assert "1 object, 4.0 MiB" in drawn
    assert "[bold]large " in drawn
    assert "4.0/8.0 MiB" in drawn
    assert "unknown" in drawn
    assert "small" not in drawn
    live.ended("[bold]large\x1b[2J")
    assert "large" not in _drawn(live)


def _drawn(live: LiveTransfer) -> str:
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        console.print(live._draw())
    return capture.get()
