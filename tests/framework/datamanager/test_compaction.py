from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.datamanager.blocks import Entry
from ostler.datamanager.compaction import CompactionOptions, TypeFiles, compact, scan
from ostler.datamanager.files import FileInfo
from ostler.errors import BadRequest, Internal, Unavailable

from .files_support import Files

Model = dict[str, bytes]
Changes = dict[str, bytes | None]
Sizes = dict[str, int | None]

DICE = random.Random(13)
IDS = st.one_of(
    st.integers(0, 60).map(lambda number: f"id-{number:02}"),
    st.text("aé\uffff\U0001f680", max_size=3),
)
# A size, negative for what compresses: so that examples are shown shortly.
SIZES = st.none() | st.sampled_from([0, 1, 20, 21, 22, 100, 400, 3000, -20, -400, -3000])
CHANGES = st.dictionaries(IDS, SIZES, max_size=20)
HISTORY = st.lists(CHANGES, max_size=8)
EXAMPLES = settings(deadline=None, max_examples=60)
OPTIONS = st.builds(
    CompactionOptions,
    file_size=st.sampled_from([400, 1000, 10_000]),
    fanout=st.integers(2, 4),
    overlap_ratio=st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    block_size=st.sampled_from([40, 200, 1000]),
)


@EXAMPLES
@given(HISTORY, OPTIONS)
def test_whatever_is_changed_all_is_as_in_a_dict(
    history: list[Sizes], options: CompactionOptions
) -> None:
    files, layout = Files(), TypeFiles()
    model: Model = {}
    for seed, sizes in enumerate(history):
        changes = changes_of(sizes, seed)
        before, layout = layout, files.compact(layout, sorted(changes.items()), options)
        apply(model, changes)
        assert files.everything(layout) == sorted(model.items())
        for name in {*changes, *list(model)[:10], "id-00", "id-61", ""}:
            assert files.look_up(layout, name) == model.get(name)
        check_layout(files, layout, options)
        check_untouched(files, before, layout, changes, options)


def changes_of(sizes: Sizes, seed: int) -> Changes:
    dice = random.Random(seed)
    return {
        name: size if size is None else dice.randbytes(size) if size > 0 else bytes(-size)
        for name, size in sizes.items()
    }


def apply(model: Model, changes: Changes) -> None:
    for name, value in changes.items():
        if value is None:
            model.pop(name, None)
        else:
            model[name] = value


def check_layout(files: Files, layout: TypeFiles, options: CompactionOptions) -> None:
    """Everything that the contracts of `TypeFiles` and `Run` say."""
    for infos in (layout.partitions, *(run.files for run in layout.runs)):
        assert all(one.last < other.first for one, other in pairwise(infos))
    tiers = [run.tier for run in layout.runs]
    assert tiers == sorted(tiers)
    assert all(tiers.count(tier) < options.fanout for tier in tiers)
    for info in layout:
        files.fresh(info).verify()
        assert info.weight <= options.file_size or len(files.open(info).index().firsts) == 1
    for info in layout.partitions:
        assert all(value is not None for _id, value in files.open(info).scan())


def check_untouched(
    files: Files, before: TypeFiles, after: TypeFiles, changes: Changes, options: CompactionOptions
) -> None:
    """Only partitions that an entry falls into are rewritten, and small ones beside them."""
    starts = [info.first for info in before.partitions[1:]]
    ids = set(changes)
    for run in before.runs:
        ids.update(name for info in run.files for name, _value in files.open(info).scan())
    touched = {bisect_right(starts, name) for name in ids}
    for number, info in enumerate(before.partitions):
        if number not in touched and info not in after.partitions:
            assert info.weight < options.file_size / 2
    if after.runs:
        assert after.partitions == before.partitions


@EXAMPLES
@given(
    HISTORY,
    st.lists(CHANGES, max_size=2),
    OPTIONS,
    st.text("id-0é", max_size=4),
    IDS,
)
def test_a_scan_has_prefix_and_start_and_newer_changes_in_front(
    history: list[Sizes],
    newest: list[Sizes],
    options: CompactionOptions,
    prefix: str,
    after: str,
) -> None:
    files, layout = Files(), TypeFiles()
    model: Model = {}
    for seed, sizes in enumerate(history):
        changes = changes_of(sizes, seed)
        layout = files.compact(layout, sorted(changes.items()), options)
        apply(model, changes)
    newer = [changes_of(sizes, -seed) for seed, sizes in enumerate(newest)]
    for changes in reversed(newer):
        apply(model, changes)
    found = scan(
        layout,
        files.open,
        prefix=prefix,
        start_after=after,
        newer=[sorted(changes.items()) for changes in newer],
    )
    expected = [
        (name, value)
        for name, value in sorted(model.items())
        if name.startswith(prefix) and (not after or name > after)
    ]
    assert list(found) == expected


def numbered(numbers: Iterator[int] | range, size: int = 100) -> list[Entry]:
    return [(f"id-{number:06}", DICE.randbytes(size)) for number in numbers]


def test_a_local_change_rewrites_one_partition(files: Files) -> None:
    options = CompactionOptions(file_size=10_000, block_size=1000)
    layout = files.compact(TypeFiles(), numbered(range(1000)), options)
    assert (layout.runs, len(layout.partitions)) == ((), 13)
    changed = layout.partitions[5]
    start = int(changed.first[3:])
    after = files.compact(layout, numbered(range(start, start + 50)), options)
    assert after.runs == ()
    assert {*layout.partitions} - {*after.partitions} == {changed}


def test_a_change_of_two_distant_places_spares_what_lies_between(files: Files) -> None:
    options = CompactionOptions(file_size=10_000, overlap_ratio=10)
    layout = files.compact(TypeFiles(), numbered(range(1000)), options)
    changes = numbered(range(40)) + numbered(range(960, 1000))
    first = files.compact(layout, changes, CompactionOptions(overlap_ratio=0))
    assert [len(files.open(run.files[0]).index().firsts) for run in first.runs] == [1]
    after = files.compact(first, numbered(range(41, 60)), options)
    assert after.runs == ()
    assert {*layout.partitions} - {*after.partitions} == {
        layout.partitions[0],
        layout.partitions[-1],
    }


def test_eight_runs_become_one_of_the_next_tier(files: Files) -> None:
    options = CompactionOptions(overlap_ratio=0)
    layout = files.compact(TypeFiles(), numbered(range(1000)), options)
    tiers = []
    for _round in range(70):
        layout = files.compact(layout, numbered(range(0, 1000, 100)), options)
        tiers.append([run.tier for run in layout.runs])
    assert tiers[:8] == [[0] * count for count in range(1, 8)] + [[1]]
    assert tiers[62] == [0] * 7 + [1] * 7
    assert tiers[63] == [2]
    assert tiers[69] == [0] * 6 + [2]


def test_a_run_that_is_merged_at_once_is_never_written(files: Files) -> None:
    layout = files.compact(TypeFiles(), numbered(range(100)), CompactionOptions())
    files.compact(layout, numbered(range(90)), CompactionOptions())
    assert len(list(files.storage.objects())) == 2


def test_a_full_partition_is_split_evenly(files: Files) -> None:
    options = CompactionOptions(file_size=20_000, block_size=500, overlap_ratio=10)
    layout = files.compact(TypeFiles(), numbered(range(155)), options)
    assert len(layout.partitions) == 1
    after = files.compact(layout, numbered(range(155, 215)), options)
    sizes = [info.size for info in after.partitions]
    assert len(sizes) == 2
    assert min(sizes) > 0.8 * max(sizes)


def test_what_shrank_is_joined_with_its_small_neighbours(files: Files) -> None:
    options = CompactionOptions(file_size=10_000, block_size=500, overlap_ratio=100)
    layout = files.compact(TypeFiles(), numbered(range(1000)), options)
    for start in range(0, 1000, 100):
        deletes: list[Entry] = [(f"id-{start + each:06}", None) for each in range(95)]
        layout = files.compact(layout, deletes, options)
    assert len(layout.partitions) <= 3
    assert sum(info.count for info in layout.partitions) == 50


def test_deleting_everything_leaves_no_file(files: Files) -> None:
    layout = files.compact(TypeFiles(), numbered(range(100)), CompactionOptions())
    deletes: list[Entry] = [(f"id-{number:06}", None) for number in range(100)]
    options = CompactionOptions(overlap_ratio=100)
    assert files.compact(layout, deletes, options) == TypeFiles()
    assert files.compact(TypeFiles(), deletes, options) == TypeFiles()


def test_entries_without_any_bytes_are_entries(files: Files) -> None:
    layout = TypeFiles()
    for _round in range(3):
        layout = files.compact(layout, [("", b""), ("absent", None)], CompactionOptions())
        assert files.everything(layout) == [("", b"")]


@pytest.mark.parametrize("deletes", [1, 10])
def test_what_is_stored_stays_near_to_what_is_there(deletes: int) -> None:
    files = Files()
    dice = random.Random(deletes)
    options = CompactionOptions(file_size=20_000, block_size=1000)
    alive = dict(numbered(range(1000), 1000))
    layout = files.compact(TypeFiles(), list(alive.items()), options)
    while len(alive) > 100:
        gone = dice.sample(sorted(alive), deletes)
        for name in gone:
            del alive[name]
        layout = files.compact(layout, [(name, None) for name in sorted(gone)], options)
        assert sum(info.size for info in layout) < 1.5 * 1000 * len(alive)
    assert files.everything(layout) == sorted(alive.items())


def test_a_fanout_that_merges_nothing_is_refused() -> None:
    with pytest.raises(BadRequest, match="fanout of 1"):
        CompactionOptions(fanout=1)


def test_no_changes_change_nothing(files: Files) -> None:
    layout = files.compact(TypeFiles(), numbered(range(100)), CompactionOptions())
    assert files.compact(layout, [], CompactionOptions()) is layout


def test_the_same_history_makes_the_same_files() -> None:
    dice = random.Random(4)
    history: list[list[Entry]] = [
        sorted((f"id-{dice.randrange(500):03}", dice.randbytes(50)) for _each in range(50))
        for _round in range(30)
    ]
    history = [list(dict(changes).items()) for changes in history]
    options = CompactionOptions(file_size=3000, fanout=3)
    layouts = []
    for files in (Files(cache=1 << 20), Files(cache=0)):
        layout = TypeFiles()
        for changes in history:
            layout = files.compact(layout, changes, options)
        layouts.append(layout)
    assert layouts[0] == layouts[1]


def test_all_new_files_become_durable_together(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    calls: list[list[str]] = []
    monkeypatch.setattr(files.storage, "persist", lambda keys: calls.append(list(keys)))
    options = CompactionOptions(file_size=10_000, block_size=500)
    layout = files.compact(TypeFiles(), numbered(range(300)), options)
    after = files.compact(layout, numbered(range(5)), options)
    assert calls == [
        [info.key for info in layout],
        [info.key for info in after if info not in set(layout)],
    ]


@pytest.mark.parametrize("ratio", [0.0, 2.5])
def test_damage_of_an_input_stops_it_with_the_name(files: Files, ratio: float) -> None:
    options = CompactionOptions(overlap_ratio=ratio, fanout=2)
    layout = files.compact(TypeFiles(), numbered(range(100)), options)
    layout = files.compact(layout, numbered(range(2)), options)
    layout = files.compact(layout, numbered(range(50)), CompactionOptions(overlap_ratio=0))
    victim: FileInfo = (layout.runs[0].files if layout.runs else layout.partitions)[0]
    data = files.storage.read(victim.key)
    fresh = Files(files.storage)
    fresh.new_id = lambda: "new"  # type: ignore[method-assign]
    files.storage.put(victim.key, b"\xff" + data[1:])
    with pytest.raises(Internal, match=victim.key) as caught:
        fresh.compact(layout, numbered(range(100)), options)
    assert caught.value.code == "damaged"
    files.storage.delete(victim.key)
    with pytest.raises(Internal, match=victim.key) as caught:
        fresh.compact(layout, numbered(range(100)), options)
    assert caught.value.code == "missing"


def test_what_pause_raises_ends_it_and_nothing_is_lost() -> None:
    files = Files()
    options = CompactionOptions(file_size=3000, block_size=500)
    layout = files.compact(TypeFiles(), numbered(range(300)), options)
    expected = files.everything(layout)
    calls = 0

    def pause() -> None:
        nonlocal calls
        calls += 1
        if calls == 30:
            raise Unavailable("the process ends")

    with pytest.raises(Unavailable):
        compact(
            files.storage,
            "kind",
            layout,
            numbered(range(300)),
            options=options,
            cache=files.cache,
            new_id=files.new_id,
            pause=pause,
        )
    assert files.everything(layout) == expected


def test_a_scan_of_a_prefix_leaves_other_files_alone() -> None:
    files = Files()
    options = CompactionOptions(file_size=3000, block_size=500, overlap_ratio=0)
    layout = files.compact(TypeFiles(), numbered(range(300)), options)
    layout = files.compact(layout, numbered(range(300)), options)
    opened: list[str] = []

    def open_file(info: FileInfo) -> object:
        opened.append(info.key)
        return files.open(info)

    found = list(scan(layout, open_file, prefix="id-0001"))  # type: ignore[arg-type]
    assert len(found) == 100
    holding = [info.key for info in layout if info.first < "id-0002" and info.last >= "id-0001"]
    assert sorted(opened) == sorted(holding)
