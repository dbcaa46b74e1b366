"""Manifests come back as they were written, and say what they were made from."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.datamanager.compaction import Run, TypeFiles
from ostler.datamanager.compression import pack
from ostler.datamanager.files import FileInfo
from ostler.datamanager.manifest import (
    Manifest,
    decode_manifest,
    encode_manifest,
    first_manifest,
)
from ostler.datamanager.sealing import Kind, digest_of, seal
from ostler.errors import Internal

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
numbers = st.integers(0, (1 << 63) - 1)
infos = st.builds(
    FileInfo, text, text, text, numbers, numbers, st.binary(min_size=16, max_size=16), numbers
)
runs = st.builds(
    lambda files, tier: Run(files=tuple(files), tier=tier), st.lists(infos, max_size=2), numbers
)
types = st.builds(
    lambda runs, partitions: TypeFiles(tuple(runs), tuple(partitions)),
    st.lists(runs, max_size=2),
    st.lists(infos, max_size=2),
)
manifests = st.builds(
    Manifest,
    number=numbers,
    cluster=text,
    arbiter=st.sampled_from(["storage", "kv"]),
    previous=st.binary(max_size=16),
    commit=numbers,
    digest=st.binary(min_size=16, max_size=16),
    created=st.floats(0, 4e9),
    floor=numbers,
    groups=st.dictionaries(text, numbers, max_size=3),
    types=st.dictionaries(text, types, max_size=2),
)


def info(key: str) -> FileInfo:
    return FileInfo(key, "a", "z", 1, 100, b"d" * 16, 50)


@given(manifests)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_a_manifest_comes_back(manifest: Manifest) -> None:
    data = encode_manifest(manifest)
    found = decode_manifest(data, "name")
    assert found == manifest
    assert found.own == digest_of(data)


def test_the_first_manifest_is_empty_and_of_its_cluster() -> None:
    first = first_manifest("cluster", "kv", 5.0)
    assert first == Manifest(
        number=1,
        cluster="cluster",
        arbiter="kv",
        previous=b"",
        commit=0,
        digest=blake2b(b"cluster", digest_size=16).digest(),
        created=5.0,
    )
    assert first.files() == {}


def test_a_manifest_follows_the_one_that_it_names() -> None:
    first = decode_manifest(encode_manifest(first_manifest("cluster", "storage", 5.0)), "name")
    other = replace(first, own=b"another")
    second = replace(first, number=2, previous=first.own)
    assert second.follows(first)
    assert not second.follows(other)
    assert not replace(second, number=3).follows(first)
    assert not first.follows(first)


def test_all_files_of_all_types_are_named() -> None:
    files = [info(f"data/{number}") for number in range(5)]
    manifest = replace(
        first_manifest("cluster", "storage", 5.0),
        types={
            "one": TypeFiles((Run(tuple(files[:2]), 0), Run((files[2],), 1)), (files[3],)),
            "two": TypeFiles((), (files[4],)),
        },
    )
    assert manifest.files() == {each.key: each for each in files}


def test_many_groups_are_stored_compressed() -> None:
    groups = dict.fromkeys((f"group/{number}" for number in range(1000)), 7)
    data = encode_manifest(replace(first_manifest("cluster", "storage", 5.0), groups=groups))
    assert len(data) < 6000
    assert decode_manifest(data, "name").groups == groups


def content(value: object) -> bytes:
    return bytes(msgpack.packb(pack(msgpack.packb(value))))


FIELDS = {
    "number": 1,
    "cluster": "",
    "arbiter": "kv",
    "previous": b"",
    "commit": 0,
    "digest": b"",
    "created": 0.0,
    "types": {},
}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        msgpack.packb(7),
        msgpack.packb((7, b"no frame")),
        msgpack.packb((1 << 63, b"no frame")),
        content(7),
        content([]),
        content({}),
        content({"types": {}}),
        content({**FIELDS, "types": 7}),
        content({**FIELDS, "types": {"one": 7}}),
        content({**FIELDS, "types": {"one": ([], [("key", "a")])}}),
        content({**FIELDS, "types": {"one": ([(0,)], [])}}),
        content({**FIELDS, "unheard-of": 1}),
    ],
)
def test_what_has_a_right_seal_and_no_manifest_in_it_is_damaged(payload: bytes) -> None:
    with pytest.raises(Internal, match="'name' is damaged: its content cannot be read") as caught:
        decode_manifest(seal(Kind.MANIFEST, payload), "name")
    assert (caught.value.code, caught.value.details) == ("damaged", {"object": "name"})


def test_the_fields_above_are_those_of_a_manifest() -> None:
    assert decode_manifest(seal(Kind.MANIFEST, content(FIELDS)), "name").arbiter == "kv"
