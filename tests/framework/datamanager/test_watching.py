"""Every commit is seen once, in order, from any number that is still kept; what is not is said."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from ostler.datamanager import Commit, CommitWatch, Datamanager, Put
from ostler.datamanager.records import encode_batch
from ostler.datamanager.watching import Listeners
from ostler.errors import Compacted, Internal, Unavailable

from .database_support import PATIENCE, StillThreads, World, failing, once, wait_until


def wal(number: int) -> str:
    return f"wal/{number:020}"


def commit(database: Datamanager, count: int = 1) -> None:
    for _ in range(count):
        number = database._log.state.commit + 1
        database.commit([Put("one", f"{number:04}", b"")])


def cover(database: Datamanager, *, up_to: int) -> None:
    """Make a checkpoint, and remove the log up to a number."""
    database.checkpoint()
    database._wals.remove(up_to)


def numbers(commits: tuple[Commit, ...]) -> list[int]:
    return [each.number for each in commits]


def drained(watch: CommitWatch) -> list[list[int]]:
    """Return what comes without waiting, answer by answer."""
    answers = []
    while commits := watch.next(0):
        answers.append(numbers(commits))
    return answers


def start(
    watch: CommitWatch, timeout: float | None = None
) -> tuple[threading.Thread, list[object]]:
    """Wait for commits in a thread."""
    results: list[object] = []

    def run() -> None:
        results.append(watch.next(timeout))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


@pytest.fixture
def threads(world: World) -> StillThreads:
    return StillThreads(world.clock)


# What is seen


def test_commits_come_as_they_were_committed(worlds: World) -> None:
    database = worlds.opened()
    database.commit([Put("one", "a", b"1"), Put("two", "b", b"2")], groups=["red"])
    (found,) = database.watch(0).next(0)
    assert found == Commit(1, (Put("one", "a", b"1"), Put("two", "b", b"2")), ("red",))


def test_a_watch_goes_on_from_any_number(world: World) -> None:
    database = world.opened()
    commit(database, 5)
    for after in range(6):
        watch = database.watch(after)
        assert drained(watch) == ([list(range(after + 1, 6))] if after < 5 else [])
        assert watch.position == 5


def test_the_position_is_where_another_process_goes_on(world: World) -> None:
    database, other = world.opened(), world.opened()
    commit(database, 2)
    watch = database.watch(0)
    assert (watch.position, numbers(watch.next(0)), watch.position) == (0, [1, 2], 2)
    commit(database, 2)
    assert numbers(other.watch(watch.position).next(0)) == [3, 4]


def test_the_commits_of_all_processes_are_seen_by_each(worlds: World) -> None:
    databases = [worlds.opened() for _ in range(3)]
    watches = [database.watch(0) for database in databases]
    seen: list[list[int]] = [[], [], []]
    for turn in range(9):
        databases[turn % 3].commit([Put("one", "a", b"")])
        seen[turn % 2] += [number for answer in drained(watches[turn % 2]) for number in answer]
    for at, watch in enumerate(watches):
        seen[at] += [number for answer in drained(watch) for number in answer]
    assert seen == [list(range(1, 10))] * 3


def test_transactions_of_one_batch_come_together(world: World) -> None:
    database = world.opened()
    writing, go_on = threading.Event(), threading.Event()

    def hold(operation: str, key: str) -> None:
        if (operation, key) == ("put", wal(1)):
            writing.set()
            assert go_on.wait(PATIENCE)

    world.driver.before = hold
    writers = [threading.Thread(target=commit, args=(database,)) for _ in range(4)]
    writers[0].start()
    assert writing.wait(PATIENCE)
    for writer in writers[1:]:
        writer.start()
    wait_until(lambda: len(database._committer._waiting) == 3)
    go_on.set()
    for writer in writers:
        writer.join()
    assert numbers(database.watch(0).next(0)) == [1, 2, 2, 2]
    assert numbers(database.watch(1).next(0)) == [2, 2, 2]


# What is read from the storage


def test_what_is_no_longer_in_memory_is_read_from_the_storage_in_shares(world: World) -> None:
    commit(world.opened(), 300)
    watch = world.opened().watch(0)
    assert drained(watch) == [
        list(range(1, 65)),
        list(range(65, 301)),
    ]  # 44 of the first 300 are not


def test_what_is_covered_and_not_yet_removed_is_seen(world: World) -> None:
    database = world.opened()
    commit(database, 100)
    database.checkpoint()
    other = world.opened()
    commit(database, 2)
    assert drained(other.watch(0)) == [list(range(1, 65)), list(range(65, 101)), [101, 102]]
    assert drained(other.watch(100)) == [[101, 102]]
    assert drained(other.watch(99)) == [[100, 101, 102]]
    assert drained(other.watch(98)) == [[99, 100, 101, 102]]


def test_what_was_removed_is_said(world: World) -> None:
    database = world.opened()
    commit(database, 5)
    cover(database, up_to=3)
    other = world.opened()
    for after in range(3):
        with pytest.raises(Compacted, match=f"what follows commit {after} is no longer kept"):
            other.watch(after).next(0)
    watch = other.watch(3)
    assert (drained(watch), watch.position) == ([[4, 5]], 5)


def test_a_position_stays_when_what_follows_was_removed(world: World) -> None:
    database = world.opened()
    commit(database, 5)
    cover(database, up_to=5)
    watch = world.opened().watch(2)
    with pytest.raises(Compacted):
        watch.next(0)
    assert watch.position == 2


def test_what_this_process_has_in_memory_is_seen_though_it_was_removed(world: World) -> None:
    database = world.opened()
    commit(database, 5)
    cover(database, up_to=5)
    assert drained(database.watch(1)) == [[2, 3, 4, 5]]


def test_a_process_that_skipped_commits_reads_them_from_the_storage(world: World) -> None:
    database, other = world.opened(), world.opened()
    watch = other.watch(0)
    commit(database, 3)
    database.checkpoint()
    other._log.refresh()  # further than the log that it has read
    assert other._log.state.commit == 3
    commit(database)
    assert drained(watch) == [[1, 2, 3], [4]]


@pytest.mark.parametrize("late", [1, 3, 5])
@pytest.mark.parametrize("further", [False, True])
def test_what_came_late_into_a_removed_number_is_not_taken_for_a_commit(
    world: World, late: int, further: bool
) -> None:
    """Also when it is the last one that is covered, and when that is the newest of all."""
    database = world.opened()
    commit(database, 5)
    twin = encode_batch(replace(database._log.state.recent[late - 1], writer="late"))
    cover(database, up_to=late)
    if further:
        commit(database)
    other = world.opened()
    world.ost.put(wal(late), twin)
    with pytest.raises(Compacted):
        other.watch(late - 1).next(0)


def test_a_damaged_commit_is_named(world: World) -> None:
    database = world.opened()
    commit(database, 3)
    database.checkpoint()
    world.ost.put(wal(2), b"damaged")
    with pytest.raises(Internal) as caught:
        world.opened().watch(0).next(0)
    assert (caught.value.code, caught.value.details) == ("damaged", {"object": wal(2)})


# Waiting


def test_who_waits_hears_of_a_commit_of_this_process_at_once(world: World) -> None:
    database = world.opened(poll=1000.0)
    watch = database.watch(0)
    thread, results = start(watch)
    wait_until(lambda: bool(database._listeners._gates))
    commit(database)
    thread.join(PATIENCE)
    assert [numbers(each) for each in results] == [[1]]  # type: ignore[arg-type]


def test_who_waits_looks_for_the_commits_of_others_now_and_then(
    world: World, threads: StillThreads
) -> None:
    database, other = world.opened(threads, poll=2.0), world.opened()
    watch = database.watch(0)
    looks = 0

    def look(operation: str, key: str) -> None:
        nonlocal looks
        if (operation, key) == ("get", wal(1)):
            looks += 1
            if looks == 3:
                world.driver.before = lambda operation, key: None
                commit(other)

    world.driver.before = look
    assert numbers(watch.next()) == [1]
    assert threads.waits == [2.0, 2.0]


def test_time_runs_out(world: World, threads: StillThreads) -> None:
    database = world.opened(threads, poll=2.0)
    began = world.clock.time
    assert database.watch(0).next(5.0) == ()
    assert (threads.waits, world.clock.time - began) == ([2.0, 2.0, 1.0], 5.0)


def test_nothing_is_left_of_who_waited(world: World, threads: StillThreads) -> None:
    database = world.opened(threads, poll=1.0)
    watch = database.watch(0)
    assert watch.next(50.0) == ()
    commit(database)
    assert drained(watch) == [[1]]
    world.driver.before = failing("get", wal(2), Unavailable("cut off"))
    with pytest.raises(Unavailable):
        watch.next(0)
    assert (len(threads.waits), database._listeners._gates) == (50, set())


def test_who_has_no_time_looks_once(world: World, threads: StillThreads) -> None:
    database, other = world.opened(threads), world.opened()
    watch = database.watch(0)
    assert watch.next(0) == ()
    commit(other)
    assert numbers(watch.next(0)) == [1]
    assert threads.waits == []


def test_what_is_beyond_the_end_is_waited_for(world: World) -> None:
    database = world.opened()
    commit(database, 2)
    watch = database.watch(3)
    assert watch.next(0) == ()
    commit(database)
    assert watch.next(0) == ()
    commit(database)
    assert drained(watch) == [[4]]


def test_what_fails_comes_out_and_nothing_is_left_out(world: World) -> None:
    database, other = world.opened(), world.opened()
    watch = database.watch(0)
    commit(other)
    world.driver.before = failing("get", wal(1), Unavailable("cut off"))
    with pytest.raises(Unavailable):
        watch.next(0)
    assert drained(watch) == [[1]]


def test_a_commit_between_the_look_and_the_waiting_is_not_missed(world: World) -> None:
    database = world.opened(poll=1000.0)
    watch = database.watch(0)

    def miss(operation: str, key: str) -> None:
        if (operation, key) == ("get", wal(1)):
            world.driver.before = lambda operation, key: None
            commit(database)
            world.ost.delete(wal(1))  # so that this look still finds nothing

    world.driver.before = miss
    thread, results = start(watch)
    thread.join(PATIENCE)
    assert [numbers(each) for each in results] == [[1]]  # type: ignore[arg-type]


# Closing


def test_who_waits_when_it_is_closed_gets_nothing(world: World) -> None:
    database = world.opened(poll=1000.0)
    with database.watch(0) as watch:
        thread, results = start(watch)
        wait_until(lambda: bool(database._listeners._gates))
    thread.join(PATIENCE)
    assert results == [()]


def test_who_is_just_about_to_wait_when_it_is_closed_gets_nothing(world: World) -> None:
    database = world.opened(poll=1000.0)
    watch = database.watch(0)
    world.driver.before = once("get", wal(1), watch.close)
    thread, results = start(watch)
    thread.join(PATIENCE)
    assert results == [()]


def test_a_closed_watch_gives_nothing(world: World) -> None:
    database = world.opened()
    commit(database)
    watch = database.watch(0)
    watch.close()
    watch.close()
    assert (watch.next(), watch.position) == ((), 0)


def test_other_watches_stay_open(world: World) -> None:
    database = world.opened()
    one, two = database.watch(0), database.watch(0)
    one.close()
    commit(database)
    assert drained(two) == [[1]]


# Who waits


def test_all_who_wait_are_woken_once(world: World) -> None:
    listeners = Listeners(world.threads)
    gates = [world.threads.gate() for _ in range(3)]
    listeners.wake()
    for gate in gates:
        listeners.add(gate)
    listeners.add(gates[0])
    listeners.wake()
    assert [gate.wait(0) for gate in gates] == [True] * 3
    late = world.threads.gate()
    listeners.wake()
    listeners.add(late)
    assert late.wait(0) is False
