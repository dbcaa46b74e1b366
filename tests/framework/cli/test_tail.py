from __future__ import annotations

import io

from ostler.cli._tail import Opener, Tails
from ostler.runs.model import Status, Step, StepPhase
from ostler.runs.reports import TaskReport

RUNNING, OVER = StepPhase.RUNNING, StepPhase.SUCCESS


def report(*phases: StepPhase) -> TaskReport:
    steps = tuple(Step(phase=phase) for phase in phases)
    return TaskReport(task_id="t", status=Status.RUNNING, setup=Step(), steps=steps)


class Growing(io.BytesIO):
    """A file that somebody else appends to."""

    def append(self, data: bytes) -> None:
        position = self.tell()
        self.seek(0, io.SEEK_END)
        self.write(data)
        self.seek(position)


def opener_of(log: io.BytesIO) -> Opener:
    return lambda task_id, step, over: log


def test_only_whole_lines_are_shown_until_the_step_ends() -> None:
    log = Growing()
    tails = Tails(opener_of(log))
    assert list(tails.follow(report(RUNNING))) == []
    log.append(b"one\ntw")
    assert list(tails.new()) == [("t", b"one\n")]
    log.append(b"o\nthree")
    assert list(tails.new()) == [("t", b"two\n")]
    assert list(tails.follow(report(OVER))) == [b"three\n"]
    assert log.closed


def test_a_step_that_nobody_saw_running_is_not_followed() -> None:
    assert list(Tails(opener_of(io.BytesIO(b"text"))).follow(report(OVER))) == []


def test_a_log_that_is_not_there_yet_is_looked_for_again() -> None:
    log = io.BytesIO(b"late\n")
    found: list[io.BytesIO] = []
    tails = Tails(lambda task_id, step, over: found[0] if found else None)
    assert list(tails.follow(report(RUNNING))) == []
    found.append(log)
    assert list(tails.new()) == [("t", b"late\n")]


def test_a_log_that_was_stored_already_is_opened_once_the_step_is_over() -> None:
    asked: list[bool] = []

    def opener(task_id: str, step: int, over: bool) -> io.BytesIO | None:
        asked.append(over)
        return io.BytesIO(b"quick") if over else None

    tails = Tails(opener)
    assert list(tails.follow(report(RUNNING))) == []
    assert list(tails.follow(report(OVER))) == [b"quick\n"]
    assert asked == [False, True]


def test_a_line_without_end_comes_in_pieces() -> None:
    size = 1_000_000
    tails = Tails(opener_of(io.BytesIO(b"x" * size)))
    pieces = [*tails.follow(report(RUNNING)), *tails.follow(report(OVER))]
    assert sum(map(len, pieces)) == size + len(pieces)
    assert max(map(len, pieces)) <= 1 << 17
    assert all(piece.endswith(b"x\n") for piece in pieces)


def test_steps_are_followed_one_after_the_other() -> None:
    logs = {0: b"first\n", 1: b"second\n"}
    tails = Tails(lambda task_id, step, over: io.BytesIO(logs[step]))
    assert list(tails.follow(report(RUNNING, StepPhase.NOTSTARTED))) == [b"first\n"]

    assert list(tails.follow(report(OVER, RUNNING))) == [b"second\n"]
    assert list(tails.follow(report(OVER, OVER))) == []
