from __future__ import annotations

import hashlib
import struct

import pytest

from ostler.datamanager.sealing import VERSION, Kind, damaged, digest_of, seal, unseal
from ostler.errors import Internal


@pytest.mark.parametrize("payload", [b"", b"x", bytes(1000)])
@pytest.mark.parametrize("kind", Kind)
def test_what_was_sealed_comes_back(kind: Kind, payload: bytes) -> None:
    sealed = seal(kind, payload)
    assert unseal(kind, sealed, "name") == payload
    assert digest_of(sealed) == sealed[-16:]


def test_the_envelope_is_as_documented() -> None:
    head = b"OSTD" + struct.pack(">HHQ", 1, 0, 3)
    digest = hashlib.blake2b(head + b"abc", digest_size=16).digest()
    assert seal(Kind.DATA, b"abc") == head + b"abc" + digest


def test_every_flipped_bit_is_found() -> None:
    sealed = seal(Kind.MANIFEST, b"payload")
    for position in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(Internal, match="'name' is damaged") as caught:
            unseal(Kind.MANIFEST, bytes(flipped), "name")
        assert (caught.value.code, caught.value.details) == ("damaged", {"object": "name"})


def test_every_cut_and_every_addition_is_found() -> None:
    sealed = seal(Kind.WAL, b"payload")
    for length in range(len(sealed)):
        with pytest.raises(Internal, match="'name' is damaged"):
            unseal(Kind.WAL, sealed[:length], "name")
    with pytest.raises(Internal, match="'name' is damaged"):
        unseal(Kind.WAL, sealed + b"\0", "name")


def test_another_kind_is_refused() -> None:
    with pytest.raises(Internal, match="begins with b'OSTW' instead of b'OSTM'"):
        unseal(Kind.MANIFEST, seal(Kind.WAL, b""), "name")


@pytest.mark.parametrize(("version", "flags"), [(VERSION + 1, 0), (65535, 0), (VERSION, 1)])
def test_a_newer_version_is_told_from_damage(version: int, flags: int) -> None:
    head = b"OSTD" + struct.pack(">HHQ", version, flags, 0)
    sealed = head + hashlib.blake2b(head, digest_size=16).digest()
    with pytest.raises(Internal, match=f"newer Ostler .format version {version},") as caught:
        unseal(Kind.DATA, sealed, "name")
    assert (caught.value.code, caught.value.details) == ("newer_version", {"object": "name"})


def test_damage_says_what_can_be_done() -> None:
    assert str(damaged("data/a/b", "it is short")) == (
        "the object 'data/a/b' is damaged: it is short; `ostler data verify` tells the extent, "
        "and `ostler data export --up-to` saves what is whole"
    )
