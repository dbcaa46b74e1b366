from __future__ import annotations

import select
import signal

import pytest

from ostler.cli._interrupts import Interrupts


def test_a_signal_stops_and_raises_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    interrupts = Interrupts(lambda: None)
    with interrupts.handled() as woken:
        signal.raise_signal(signal.SIGINT)
        assert interrupts.stop.is_set()
        assert select.select([woken], [], [], 0)[0] == [woken]
    assert signal.getsignal(signal.SIGINT) is before
    assert capfd.readouterr().err == "stopping; once more to end at once\n"


def test_what_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupts = Interrupts(lambda: None)
        with interrupts.handled():
            signal.raise_signal(signal.SIGHUP)
        assert not interrupts.stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)
