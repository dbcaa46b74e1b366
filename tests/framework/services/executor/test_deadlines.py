from __future__ import annotations

import threading

from ostler.clock import SystemClock
from ostler.services.executor.deadlines import Deadlines


def test_callbacks_come_in_the_order_of_their_time() -> None:
    deadlines = Deadlines(SystemClock())
    order: list[str] = []
    last = threading.Event()
    deadlines.add(0.05, lambda: (order.append("later"), last.set()))
    deadlines.add(0.01, lambda: order.append("sooner"))
    assert last.wait(10)
    deadlines.close()
    assert order == ["sooner", "later"]


def test_what_was_called_off_does_not_come() -> None:
    deadlines = Deadlines(SystemClock())
    order: list[str] = []
    last = threading.Event()
    call_off = deadlines.add(0.01, lambda: order.append("called off"))
    deadlines.add(0.02, last.set)
    call_off()
    call_off()
    assert last.wait(10)
    deadlines.close()
    assert order == []


def test_close_forgets_what_is_far_away() -> None:
    deadlines = Deadlines(SystemClock())
    deadlines.add(3600, lambda: None)
    deadlines.close()


def test_close_without_a_deadline() -> None:
    Deadlines(SystemClock()).close()
