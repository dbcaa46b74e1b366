"""A flipped bit, a cut, missing or exchanged object, of every kind: named by an alarm, or without any consequence.

Every entry is read after each damage: what comes is right, or an alarm that
names the object. What is needed is always named by opening or verifying. The
one thing that object storage alone cannot tell is that its newest commit or
manifest was taken away: these the key-value store knows of.

``OSTLER_FAULTS_DAMAGE``: of each byte of each object, how many bits are flipped in the long form.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ostler.clock import SystemClock
from ostler.datamanager import Datamanager, Delete, Options, Put
from ostler.errors import Conflict, Error, Internal
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.spi.storage import Capabilities
from ostler_memory.driver import MemorySettings, MemoryStorage
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

from .campaigns import count
from .processes import quick_directory

SEED = 20260603
TYPES = ("one", "two")
OPTIONS = Options(grace=0.0, overlap_ratio=0.0, block_size=100, commit_budget=0.2)
CLOCK = SystemClock()

Objects = dict[str, bytes]
Entries = dict[tuple[str, str], bytes]


class Storage(MemoryStorage):
    """Holds given objects; ``exclusive`` is what it says of itself."""

    def __init__(self, objects: Objects, *, exclusive: bool) -> None:
        super().__init__(MemorySettings())
        self._exclusive = exclusive
        ost = ObjectStorage(self, clock=CLOCK)
        for key, data in objects.items():
            ost.put(key, data)

    @property
    def capabilities(self) -> Capabilities:
        return dataclasses.replace(super().capabilities, exclusive_put=self._exclusive)

    def objects(self) -> Objects:
        return {key: self._objects[key][1] for key in self._keys}


@dataclasses.dataclass(frozen=True, slots=True)
class Sound:
    """A database before it is damaged.

    :param needed: keys without which something would be lost.
    :param newest: keys of the newest commit and the newest manifest.
    """

    directory: Path
    exclusive: bool
    objects: Objects
    entries: Entries
    needed: frozenset[str]
    newest: tuple[str, str]

    @contextmanager
    def opened(self, objects: Objects, kv: str = "kv") -> Iterator[Datamanager]:
        store = KeyValueStore(
            open_driver(SqliteSettings(path=str(self.directory / kv))), clock=CLOCK
        )
        with closing(store):
            ost = ObjectStorage(Storage(objects, exclusive=self.exclusive), clock=CLOCK)
            database = Datamanager(ost, store, types=TYPES, clock=CLOCK, options=OPTIONS)
            database.open()
            with closing(database):
                yield database


def build(directory: Path, *, exclusive: bool) -> Sound:
    """Make a database with everything in it: partitions, runs, an old manifest, a log behind the newest."""
    chance = random.Random(SEED)
    storage = Storage({}, exclusive=exclusive)
    store = KeyValueStore(open_driver(SqliteSettings(path=str(directory / "kv"))), clock=CLOCK)
    database = Datamanager(
        ObjectStorage(storage, clock=CLOCK), store, types=TYPES, clock=CLOCK, options=OPTIONS
    )
    database.open()
    entries: Entries = {}

    def commit(type: str, *ids: int) -> None:
        actions: list[Put | Delete] = []
        for number in ids:
            data = chance.randbytes(20)  # of equal length: exchanged files must not look alike
            actions.append(Put(type, f"{number:03}", data))
            entries[type, f"{number:03}"] = data
        actions.append(Delete(type, f"{ids[0]:03}"))
        del entries[type, f"{ids[0]:03}"]
        database.commit(actions, groups=("group",))

    for kind in TYPES:
        commit(kind, *range(12))
    database.checkpoint()
    for _ in range(3):
        for kind in TYPES:
            commit(kind, 2, 3, 4)
        database.checkpoint()
    database.collect()
    commit("one", 5, 6)
    commit("two", 7, 8)
    commit("one", 3, 9)
    manifest = database._log.state.manifest
    assert all(files.runs and files.partitions for files in manifest.types.values())
    keys = list(storage.objects())
    wals = [key for key in keys if key.startswith("wal/")]
    manifests = [key for key in keys if key.startswith("manifest/")]
    needed = {*wals[-3:], *manifest.files(), manifests[-1]}
    assert len(wals) == 5
    assert len(set(keys) - needed) == 3
    objects = storage.objects()
    database.close()
    store.close()
    return Sound(
        directory, exclusive, objects, entries, frozenset(needed), (wals[-1], manifests[-1])
    )


@pytest.fixture(scope="module", params=[True, False], ids=["storage", "kv"])
def sound(request: pytest.FixtureRequest) -> Iterator[Sound]:
    """Per arbiter: who decides between writers."""
    with tempfile.TemporaryDirectory(dir=quick_directory()) as name:
        yield build(Path(name), exclusive=request.param)


def alarm_of(call: Callable[[], None], objects: set[str]) -> str | None:
    """Return the object that an alarm names, which must be one of ``objects``; None: there was no alarm."""
    try:
        call()
    except Internal as error:
        alarm = error
    else:
        return None
    assert alarm.code in ("damaged", "missing"), alarm
    named = str(alarm.details["object"])
    assert named in objects, f"{named} is named, damaged were {objects}: {alarm}"
    assert named in alarm.message
    return named


def check_reads(sound: Sound, database: Datamanager, objects: set[str], more: Entries) -> None:
    """Read every entry, and some that do not exist, one by one and all in order."""
    expected = sound.entries | more
    for key in [*expected, *itertools.product(TYPES, ("000", "0030", "zzz"))]:

        def get(key: tuple[str, str] = key) -> None:
            assert database.get(*key) == expected.get(key)

        alarm_of(get, objects)
    for kind in TYPES:
        right = sorted((key[1], data) for key, data in expected.items() if key[0] == kind)

        def scan(kind: str = kind, right: list[tuple[str, bytes]] = right) -> None:
            found: list[tuple[str, bytes]] = []
            try:
                found.extend(database.scan(kind))
            finally:
                assert found == right[: len(found)]
            assert found == right

        alarm_of(scan, objects)


def check(sound: Sound, objects: Objects, damaged: set[str]) -> set[str]:
    """Open a damaged database and read all of it; return the objects that were named."""
    named: set[str] = set()

    def look() -> None:
        with sound.opened(objects) as database:
            check_reads(sound, database, damaged, {})
            for problem in database.verify():
                assert problem.object in damaged, problem
                assert problem.object in problem.reason
                named.add(problem.object)

    found = alarm_of(look, damaged)
    return named | {found} if found else named


def check_aftermath(sound: Sound, objects: Objects, damaged: set[str]) -> None:
    """Go on with a damaged database: checkpoints and collections may not turn an alarm into a silent loss."""
    more: Entries = {}
    shutil.copy(sound.directory / "kv", sound.directory / "copy")

    def go_on() -> None:
        with sound.opened(objects, "copy") as database:
            for key in itertools.product(TYPES, ("001", "010", "020")):
                alarm_of(lambda key=key: database.commit([Put(*key, b"new")]) and None, damaged)
                more[key] = b"new"
            for step in (database.checkpoint, database.collect, database.collect):
                alarm_of(lambda step=step: step() and None, damaged)
            check_reads(sound, database, damaged, more)
            objects.clear()
            objects.update(database._ost._driver.objects())
            alarm_of(lambda: list(database.verify()) and None, damaged)

    if alarm_of(go_on, damaged) is None:
        with sound.opened(objects, "copy") as database:
            check_reads(sound, database, damaged, more)
    (sound.directory / "copy").unlink()


def check_one(sound: Sound, key: str, data: bytes | None, *, aftermath: bool = False) -> None:
    """Check that with other bytes (None: without the object) it is named if it is needed."""
    objects = {**sound.objects}
    del objects[key]
    if data is not None:
        objects[key] = data
    if data is None and key in sound.newest:
        with pytest.raises(Conflict) as caught:
            check(sound, objects, {key})
        assert caught.value.code == "storage_behind"
        return
    assert check(sound, objects, {key}) == ({key} if key in sound.needed else set())
    if aftermath:
        check_aftermath(sound, objects, {key})


def check_live(sound: Sound, key: str, data: bytes | None) -> None:
    """Damage an object while the database is open: what it read before is right, the rest too or an alarm."""
    with sound.opened(sound.objects) as database:
        if data is None:
            database._ost.delete(key)
        else:
            database._ost.put(key, data)
        check_reads(sound, database, {key}, {})
        named = {problem.object for problem in database.verify()}
    assert named == ({key} if key in sound.needed else set())


def flips(sound: Sound, bits: int, stride: int) -> Iterator[tuple[str, bytes]]:
    """Yield each object with one bit flipped, for some bits of every so many bytes."""
    chance = random.Random(SEED)
    for key, data in sound.objects.items():
        for at in range(chance.randrange(stride), len(data), stride):
            for bit in chance.sample(range(8), bits):
                yield key, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def test_a_sound_database_raises_no_alarm(sound: Sound) -> None:
    assert check(sound, {**sound.objects}, set()) == set()
    check_aftermath(sound, {**sound.objects}, set())


def test_a_flipped_bit_is_seen(sound: Sound) -> None:
    for number, (key, data) in enumerate(flips(sound, bits=1, stride=37)):
        check_one(sound, key, data, aftermath=number % 10 == 0)


def test_a_missing_object_is_seen(sound: Sound) -> None:
    for key in sound.objects:
        check_one(sound, key, None, aftermath=True)


def test_a_cut_or_longer_object_is_seen(sound: Sound) -> None:
    chance = random.Random(SEED)
    for key, data in sound.objects.items():
        check_one(sound, key, b"", aftermath=True)
        for other in (data[: chance.randrange(1, len(data))], data[:-1], data + b"\0"):
            check_one(sound, key, other)


def test_an_object_in_the_place_of_another_is_seen(sound: Sound) -> None:
    for key, other in itertools.islice(itertools.permutations(sound.objects, 2), 0, None, 3):
        check_one(sound, key, sound.objects[other])


def test_two_exchanged_objects_are_seen(sound: Sound) -> None:
    for number, (one, two) in enumerate(itertools.combinations(sound.objects, 2)):
        objects = {**sound.objects, one: sound.objects[two], two: sound.objects[one]}
        named = check(sound, objects, {one, two})
        assert named or not sound.needed & {one, two}
        if number % 8 == 0:
            check_aftermath(sound, objects, {one, two})


def test_without_the_store_a_missing_newest_commit_is_an_older_state(sound: Sound) -> None:
    objects = {key: data for key, data in sound.objects.items() if key != sound.newest[0]}
    with sound.opened(objects, "other") as database:
        assert list(database.verify()) == []
        before = {**sound.entries, ("one", "009"): database.get("one", "009")}
        assert before["one", "009"] != sound.entries["one", "009"]
    (sound.directory / "other").unlink()


def test_without_the_store_the_manifest_before_and_the_log_say_as_much(sound: Sound) -> None:
    objects = {key: data for key, data in sound.objects.items() if key != sound.newest[1]}
    with sound.opened(objects, "other") as database:
        check_reads(sound, database, set(), {})
        assert not database.checkpoint().lost
        check_reads(sound, database, set(), {})
        assert list(database.verify()) == []
    (sound.directory / "other").unlink()


def test_without_any_manifest_nothing_is_founded(sound: Sound) -> None:
    objects = {key: data for key, data in sound.objects.items() if "manifest/" not in key}
    for kv in ("kv", "other"):
        with pytest.raises(Error) as caught, sound.opened(objects, kv):
            pass
        assert caught.value.code == "missing"
        assert caught.value.details["object"] == "manifest/"
    (sound.directory / "other").unlink()


def test_damage_to_an_open_database_is_seen(sound: Sound) -> None:
    for key in sound.objects:
        check_live(sound, key, None)
        check_live(sound, key, b"")
    for key, data in flips(sound, bits=1, stride=97):
        check_live(sound, key, data)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_flipped_bit_of_every_byte_is_seen(sound: Sound) -> None:
    for number, (key, data) in enumerate(flips(sound, bits=count("DAMAGE", 2), stride=1)):
        check_one(sound, key, data, aftermath=number % 10 == 0)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_object_in_the_place_of_every_other_is_seen(sound: Sound) -> None:
    for key, other in itertools.permutations(sound.objects, 2):
        check_one(sound, key, sound.objects[other], aftermath=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_length_is_seen(sound: Sound) -> None:
    for key, data in sound.objects.items():
        for length in range(len(data)):
            check_one(sound, key, data[:length], aftermath=length % 10 == 0)
