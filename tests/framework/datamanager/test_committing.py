"""Many writers share a commit, and each is told what became of its own transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from ostler.datamanager import Gate, Options, SystemThreads, Token
from ostler.datamanager.committing import Committer, Request
from ostler.datamanager.log import Log
from ostler.datamanager.records import Transaction, decode_batch
from ostler.datamanager.turns import Turns
from ostler.errors import BadRequest, Conflict, Error, Forbidden, Unavailable, Unknown

from .database_support import PATIENCE, World, failing, put, values, wait_until


class Writer:
    """A thread that commits, one transaction after the other."""

    def __init__(self, committer: Committer, *requests: Request) -> None:
        self._committer, self.requests = committer, requests
        self.results: list[int | BaseException] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        for request in self.requests:
            try:
                self.results.append(self._committer.commit(request))
            except BaseException as error:
                self.results.append(error)

    @property
    def result(self) -> Any:
        """What became of the only one."""
        (result,) = self.finished()
        return result

    def finished(self) -> list[int | BaseException]:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.results


class Group:
    """A committer on a storage that can be made to wait while it writes an object of the log.

    :param held: its number.
    """

    def __init__(
        self, world: World, threads: SystemThreads | None = None, *, held: int = 1, **options: Any
    ) -> None:
        self.world, self.log = world, world.log(**options)
        self.committer = Committer(
            self.log,
            Turns(world.kv, self.log._writer),
            threads or world.threads,
            world.clock,
            Options(**options),
        )
        self.writing, self.go_on = threading.Event(), threading.Event()
        self._held = f"wal/{held:020}"
        world.driver.before = self._before
        self.then: Callable[[str, str], None] = lambda operation, key: None

    def _before(self, operation: str, key: str) -> None:
        if (operation, key) == ("put", self._held):
            self.writing.set()
            assert self.go_on.wait(PATIENCE)
        self.then(operation, key)

    def write(self, *requests: Request) -> Writer:
        return Writer(self.committer, *requests)

    def first(self) -> Writer:
        """Let somebody begin to write, and wait until that hangs."""
        writer = self.write(request("first"))
        assert self.writing.wait(PATIENCE)
        return writer

    def queue(self, *requests: Request) -> list[Writer]:
        """Let others come meanwhile, one after the other."""
        writers = []
        for each in requests:
            before = len(self.committer._waiting)
            writers.append(self.write(each))
            wait_until(lambda before=before: len(self.committer._waiting) > before)  # type: ignore[misc]
        return writers

    def batches(self) -> list[list[str]]:
        """Return the ids of the entries in each object of the log."""
        return [
            [action.id for each in stored(self.log, number) for action in each.actions]
            for number in range(1, self.log.state.commit + 1)
        ]


def stored(log: Log, number: int) -> tuple[Transaction, ...]:
    return decode_batch(log._wals.read(number), "").transactions


def request(
    name: str, *groups: str, token: Token | None = None, size: int = 1, data: bytes = b""
) -> Request:
    return Request(put(name, data, *groups), token, size)


def test_who_is_alone_commits_at_once(world: World) -> None:
    class Threads(SystemThreads):
        def gate(self) -> Gate:
            raise AssertionError("nobody needs to wait")

    group = Group(world, Threads(world.clock))
    group.go_on.set()
    assert [group.committer.commit(request(name)) for name in "abc"] == [1, 2, 3]
    assert group.batches() == [["a"], ["b"], ["c"]]


def test_who_comes_meanwhile_goes_into_the_next_commit_together(world: World) -> None:
    group = Group(world)
    first = group.first()
    others = group.queue(*map(request, "abcd"))
    group.go_on.set()
    assert (first.result, [each.result for each in others]) == (1, [2, 2, 2, 2])
    assert group.batches() == [["first"], ["a", "b", "c", "d"]]


def test_a_commit_is_handed_over_until_nobody_waits(world: World) -> None:
    group = Group(world, batch_bytes=10)
    first = group.first()
    sizes = [6, 4, 1, 11, 20, 10]
    others = group.queue(
        *[request(str(number), size=size) for number, size in enumerate(sizes)],
    )
    group.go_on.set()
    assert first.result == 1
    assert [each.result for each in others] == [2, 2, 3, 4, 5, 6]
    assert group.batches() == [["first"], ["0", "1"], ["2"], ["3"], ["4"], ["5"]]
    assert group.committer.commit(request("last")) == 7


def test_every_transaction_of_many_threads_is_committed_once(world: World) -> None:
    group = Group(world)
    group.go_on.set()
    writers = [
        group.write(*[request(f"{name}{number}") for number in range(20)]) for name in "abcdef"
    ]
    numbers = {
        each.transaction.actions[0].id: number
        for writer in writers
        for each, number in zip(writer.requests, writer.finished(), strict=True)
    }
    found = [(name, at) for at, names in enumerate(group.batches(), start=1) for name in names]
    assert sorted(found) == sorted(numbers.items())
    assert all(writer.results == sorted(writer.results) for writer in writers)  # type: ignore[type-var]


# Tokens


def test_of_two_with_the_same_token_the_first_is_committed(world: World) -> None:
    group = Group(world)
    token = Token(0, ("red",))
    first = group.first()
    one, two, three = group.queue(
        request("a", "red", token=token),
        request("b", "red", token=token),
        request("c", "green", token=Token(0, ("green",))),
    )
    group.go_on.set()
    assert (first.result, one.result, three.result) == (1, 2, 2)
    assert isinstance(two.result, Conflict)
    assert two.result.code == "changed"
    assert group.batches() == [["first"], ["a", "c"]]


def test_a_group_that_was_moved_without_a_token_refuses_the_tokens_behind_it(
    world: World,
) -> None:
    group = Group(world)
    first = group.first()
    token = Token(0, ("red",))
    before, blind, after, other = group.queue(
        request("a", "red", token=token),
        request("b", "red"),
        request("c", "red", token=token),
        request("d"),
    )
    group.go_on.set()
    assert (first.result, before.result, blind.result, other.result) == (1, 2, 2, 2)
    assert isinstance(after.result, Conflict)
    assert group.batches()[1] == ["a", "b", "d"]


def test_what_was_refused_moves_nothing(world: World) -> None:
    group = Group(world)
    first = group.first()
    refused, good = group.queue(
        request("a", "red", "green", token=Token(-1, ("red", "green"))),
        request("b", "green", token=Token(0, ("green",))),
    )
    group.go_on.set()
    assert (first.result, good.result) == (1, 2)
    assert isinstance(refused.result, Conflict)
    assert group.log.state.groups == {"green": 2}


def test_a_batch_of_refused_ones_is_no_commit(world: World) -> None:
    group = Group(world)
    group.go_on.set()
    group.committer.commit(request("a", "red"))
    with pytest.raises(Conflict, match="'red' was changed by somebody else"):
        group.committer.commit(request("b", "red", token=Token(0, ("red",))))
    assert group.log.state.commit == 1
    assert group.committer.commit(request("c", "red", token=Token(1, ("red",)))) == 2


def test_a_token_is_looked_at_again_when_another_process_was_faster(world: World) -> None:
    group = Group(world, held=2)
    group.go_on.set()
    group.committer.commit(request("a"))
    other = Group(world)
    other.go_on.set()
    other.committer.commit(request("b", "red"))
    with pytest.raises(Conflict):
        group.committer.commit(request("c", "red", token=Token(1, ("red",))))
    assert group.log.state.commit == 2


def test_who_was_refused_stays_so_when_another_process_was_faster(world: World) -> None:
    other = Group(world)
    group = Group(world, held=1)
    first = group.first()
    good, refused = group.queue(request("a", "red"), request("b", "red", token=Token(0, ("red",))))

    def faster(operation: str, key: str) -> None:
        if (operation, key) == ("put", f"wal/{2:020}"):
            group.then = lambda operation, key: None
            other.committer.commit(request("other"))

    group.then = faster
    group.go_on.set()
    assert (first.result, good.result, type(refused.result)) == (1, 3, Conflict)
    assert group.batches() == [["first"], ["other"], ["a"]]


# Errors


@pytest.mark.parametrize(
    "error", [Forbidden("no", details={"why": 1}), Unavailable("full", code="no_space")]
)
def test_an_error_is_told_to_each_by_an_exception_of_its_own(world: World, error: Error) -> None:
    group = Group(world)
    first = group.first()
    group.then = failing("put", f"wal/{2:020}", error)
    others = group.queue(*map(request, "abc"))
    group.go_on.set()
    assert first.result == 1
    told = [each.result for each in others]
    assert [(type(each), each.message, each.code, each.details) for each in told] == [
        (type(error), error.message, error.code, error.details)
    ] * 3
    assert len({id(each) for each in told}) == 3
    assert told[0] is error  # of who wrote
    assert [each.__cause__ for each in told[1:]] == [error, error]
    assert group.committer.commit(request("later")) == 2


def test_who_was_refused_is_told_that_and_not_what_happened_to_the_others(world: World) -> None:
    group = Group(world)
    first = group.first()
    group.then = failing("put", f"wal/{2:020}", Forbidden("no"))
    good, refused = group.queue(request("a"), request("b", "red", token=Token(-1, ("red",))))
    group.go_on.set()
    assert first.result == 1
    assert (type(good.result), type(refused.result)) == (Forbidden, Conflict)


def test_an_error_of_a_type_that_needs_more_is_told(world: World) -> None:
    group = Group(world)
    first = group.first()
    group.then = failing("put", f"wal/{2:020}", BadRequest("too large", code="too_large"))
    (other,) = group.queue(request("a"))
    group.go_on.set()
    assert first.result == 1
    assert (type(other.result), other.result.code) == (BadRequest, "too_large")


class Interrupt(BaseException):
    """As Ctrl-C."""


def test_an_interrupted_writer_lets_the_others_know_that_nobody_knows(world: World) -> None:
    group = Group(world)
    first = group.first()
    group.then = failing("put", f"wal/{2:020}", Interrupt())  # type: ignore[arg-type]
    writer, other = group.queue(request("a"), request("b"))
    group.go_on.set()
    assert first.result == 1
    assert (type(writer.result), type(other.result)) == (Interrupt, Unknown)
    assert group.committer.commit(request("later")) == 2


class Interrupting(SystemThreads):
    """Interrupts a thread that waits: the one that made the gate of a number.

    :param late: only after it was to go on.
    """

    def __init__(self, world: World, number: int, *, late: bool = False) -> None:
        super().__init__(world.clock)
        self.made, self.number, self.late = 0, number, late
        self.interrupt = threading.Event()

    def gate(self) -> Gate:
        self.made += 1
        gate = super().gate()
        if self.made != self.number:
            return gate
        threads = self

        class Interrupted:
            open = staticmethod(gate.open)

            def wait(self, timeout: float | None = None) -> bool:
                assert threads.interrupt.wait(PATIENCE)
                if threads.late:
                    assert gate.wait(PATIENCE)
                raise Interrupt

        return Interrupted()


def test_who_is_interrupted_while_it_waits_commits_nothing(world: World) -> None:
    threads = Interrupting(world, 2)
    group = Group(world, threads)
    first = group.first()
    one, two, three = group.queue(*map(request, "abc"))
    threads.interrupt.set()
    assert type(two.result) is Interrupt
    group.go_on.set()
    assert (first.result, one.result, three.result) == (1, 2, 2)
    assert group.batches() == [["first"], ["a", "c"]]


def test_who_is_interrupted_while_its_transaction_is_written_cannot_take_it_back(
    world: World,
) -> None:
    threads = Interrupting(world, 2)
    group = Group(world, threads)
    first = group.first()
    writing, go_on = threading.Event(), threading.Event()

    def hold(operation: str, key: str) -> None:
        if (operation, key) == ("put", f"wal/{2:020}"):
            writing.set()
            assert go_on.wait(PATIENCE)

    group.then = hold
    one, two, three = group.queue(*map(request, "abc"))
    group.go_on.set()
    assert writing.wait(PATIENCE)
    threads.interrupt.set()
    assert type(two.result) is Interrupt
    go_on.set()
    assert (first.result, one.result, three.result) == (1, 2, 2)
    assert group.batches() == [["first"], ["a", "b", "c"]]
    assert group.write(request("d")).result == 3


def test_who_is_interrupted_just_when_it_is_to_write_hands_over(world: World) -> None:
    threads = Interrupting(world, 1, late=True)
    group = Group(world, threads)
    first = group.first()
    one, two, three = group.queue(*map(request, "abc"))
    threads.interrupt.set()
    group.go_on.set()
    assert type(one.result) is Interrupt
    assert (first.result, two.result, three.result) == (1, 2, 2)
    assert group.batches() == [["first"], ["b", "c"]]


def test_who_is_interrupted_just_when_it_is_to_write_and_is_alone_leaves_the_place_free(
    world: World,
) -> None:
    threads = Interrupting(world, 1, late=True)
    group = Group(world, threads)
    first = group.first()
    (one,) = group.queue(request("a"))
    threads.interrupt.set()
    group.go_on.set()
    assert (first.result, type(one.result)) == (1, Interrupt)
    assert group.write(request("b")).result == 2


# Turns


def beside_another(world: World) -> Group:
    """Return one that has written for 10 s just after another process did."""
    other, group = Group(world, held=9), Group(world, held=9)
    slow(group, 2, 10.0)
    other.committer.commit(request("a"))
    group.committer.commit(request("b"))
    return group


def test_who_has_written_lets_other_processes_in_for_a_time(world: World) -> None:
    group = beside_another(world)
    assert world.clock.pauses == []
    began = world.clock.time
    group.committer.commit(request("c"))
    assert (world.clock.pauses, world.clock.time - began) == ([0.25], 0.25)
    group.committer.commit(request("d"))
    assert world.clock.pauses == [0.25]


def test_who_has_let_others_in_sees_what_they_wrote_before_it_tries(world: World) -> None:
    group = beside_another(world)
    other = Group(world)
    world.driver.before = lambda operation, key: None
    sleep, lost = world.clock.sleep, list[None]()
    group.log._lost = lambda: lost.append(None)

    def come(seconds: float) -> None:
        sleep(seconds)
        world.clock.sleep = sleep  # type: ignore[method-assign]
        other.committer.commit(request("c"))

    world.clock.sleep = come  # type: ignore[method-assign]
    assert (group.committer.commit(request("d")), lost) == (4, [])


def test_a_storage_that_does_not_answer_then_is_no_error_of_that(world: World) -> None:
    group = beside_another(world)
    group.then = failing("get", f"wal/{3:020}", Unavailable("cut off"))
    assert group.committer.commit(request("c")) == 3


def test_who_comes_while_others_are_let_in_is_in_the_same_commit(world: World) -> None:
    group = beside_another(world)
    sleep, late = world.clock.sleep, list[Writer]()

    def come(seconds: float) -> None:
        sleep(seconds)
        late.extend(group.queue(request("d")))

    world.clock.sleep = come  # type: ignore[method-assign]
    assert group.committer.commit(request("c")) == 3
    assert [each.result for each in late] == [3]


def test_who_is_interrupted_while_others_are_let_in_leaves_the_place_free(world: World) -> None:
    group = beside_another(world)

    def interrupt(seconds: float) -> None:
        raise Interrupt

    sleep, world.clock.sleep = world.clock.sleep, interrupt  # type: ignore[method-assign]
    with pytest.raises(Interrupt):
        group.committer.commit(request("c"))
    world.clock.sleep = sleep  # type: ignore[method-assign]
    assert group.write(request("d")).result == 3


def test_whose_turn_it_is_is_told_from_a_state_that_nobody_changes_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(world)
    group.go_on.set()
    held: list[bool] = []
    monkeypatch.setattr(
        Turns, "won", lambda self, state, took: held.append(group.log.lock.locked()) or 0.0
    )
    group.committer.commit(request("a"))
    assert held == [True]


# Gathering


def slow(group: Group, number: int, seconds: float) -> None:
    """Let an object of the log take long to write, by the clock."""

    def then(operation: str, key: str) -> None:
        if (operation, key) == ("put", f"wal/{number:020}"):
            group.world.clock.pass_time(seconds)

    group.then = then


class Patient(SystemThreads):
    """Waits for as long as it takes where a time is given: it is short, and machines are slow."""

    def gate(self) -> Gate:
        gate = super().gate()

        class Waiting:
            open = staticmethod(gate.open)

            def wait(self, timeout: float | None = None) -> bool:
                return gate.wait(PATIENCE)

        return Waiting()


def test_those_whose_commits_were_just_made_are_waited_for(world: World) -> None:
    group = Group(world, Patient(world.clock))
    slow(group, 2, 4 * PATIENCE)
    first = group.first()
    others = []
    for name in "abc":
        before = len(group.committer._waiting)
        others.append(group.write(request(name), request(name + name)))
        wait_until(lambda before=before: len(group.committer._waiting) > before)  # type: ignore[misc]
    group.go_on.set()
    assert first.result == 1
    assert [each.finished() for each in others] == [[2, 3], [2, 3], [2, 3]]
    assert [sorted(names) for names in group.batches()] == [
        ["first"],
        ["a", "b", "c"],
        ["aa", "bb", "cc"],
    ]


def test_nobody_waits_for_long_for_those_who_do_not_come(world: World) -> None:
    group = Group(world)
    slow(group, 2, 0.04)
    first = group.first()
    others = group.queue(*map(request, "abc"))
    group.go_on.set()
    assert (first.result, [each.result for each in others]) == (1, [2, 2, 2])
    assert group.write(request("d")).result == 3


def test_nobody_is_waited_for_when_the_commit_was_made_for_one(world: World) -> None:
    class Threads(SystemThreads):
        def gate(self) -> Gate:
            raise AssertionError("nobody needs to wait")

    group = Group(world, Threads(world.clock))
    group.go_on.set()
    slow(group, 1, 4 * PATIENCE)
    assert [group.committer.commit(request(name)) for name in "ab"] == [1, 2]


def test_who_is_interrupted_while_it_gathers_lets_the_others_go_on(world: World) -> None:
    threads = Interrupting(world, 3)
    group = Group(world, threads)
    slow(group, 2, 4 * PATIENCE)
    first = group.first()
    others = group.queue(*map(request, "ab"))
    group.go_on.set()
    assert (first.result, [each.result for each in others]) == (1, [2, 2])
    gathering = group.write(request("c"))
    wait_until(lambda: group.committer._gathered is not None)
    waiting = group.write(request("d"))
    wait_until(lambda: len(group.committer._waiting) == 2)
    threads.interrupt.set()
    assert type(gathering.result) is Interrupt
    assert waiting.result == 3
    assert "c" not in values(group.log)
    assert group.write(request("e")).result == 4
