from __future__ import annotations

import pytest

from ostler.datamanager.heads import Head, Heads, check_cluster, furthest
from ostler.errors import Conflict, Internal
from ostler.kv import KeyValueStore


def test_a_head_never_goes_back(kv: KeyValueStore) -> None:
    Heads(kv).publish(Head("c", 5, 2))
    later = Heads(kv)
    assert later.read() == Head("c", 5, 2)
    later.publish(Head("c", 0, 1))  # as a process does that has just begun
    later.publish(Head("c", 3, 3))
    assert Heads(kv).read() == Head("c", 5, 3)


def test_a_head_that_another_process_wrote_meanwhile_is_not_overwritten(kv: KeyValueStore) -> None:
    slow = Heads(kv)
    slow.publish(Head("c", 1, 1))
    Heads(kv).publish(Head("c", 7, 1))
    slow.publish(Head("c", 2, 2))
    assert Heads(kv).read() == Head("c", 7, 2)


def test_a_store_of_another_database_is_refused(kv: KeyValueStore) -> None:
    Heads(kv).publish(Head("other", 1, 1))
    with pytest.raises(Conflict, match="not made together"):
        Heads(kv).publish(Head("c", 2, 1))


def test_a_store_that_was_emptied_is_told_again(kv: KeyValueStore) -> None:
    heads = Heads(kv)
    heads.publish(Head("c", 4, 1))
    kv.delete("head")
    assert heads.read() is None
    heads.publish(Head("c", 4, 1))
    assert Heads(kv).read() == Head("c", 4, 1)


def test_a_store_that_was_put_right_is_told(kv: KeyValueStore) -> None:
    heads = Heads(kv)
    Heads(kv).publish(Head("other", 1, 1))
    with pytest.raises(Conflict):
        heads.publish(Head("c", 2, 1))
    kv.delete("head")
    heads.publish(Head("c", 2, 1))
    assert heads.read() == Head("c", 2, 1)


def test_nothing_is_written_that_says_no_more(kv: KeyValueStore) -> None:
    Heads(kv).publish(Head("c", 5, 2))
    before = kv.get("head")
    Heads(kv).publish(Head("c", 4, 2))
    assert kv.get("head") == before


@pytest.mark.parametrize("value", [b"", b"{", b"7", b"{}", b'{"cluster": "c"}', b"\xff"])
def test_a_damaged_value_is_named(kv: KeyValueStore, value: bytes) -> None:
    kv.put("head", value)
    for call in (Heads(kv).read, lambda: Heads(kv).publish(Head("c", 1, 1))):
        with pytest.raises(Internal, match="Delete the key: it is written anew") as caught:
            call()
        assert (caught.value.code, caught.value.details) == ("damaged", {"object": "head"})


def test_the_furthest_says_as_much_as_both() -> None:
    assert furthest(Head("c", 1, 4), None) == Head("c", 1, 4)
    assert furthest(Head("c", 1, 4), Head("c", 3, 2)) == Head("c", 3, 4)
    with pytest.raises(Conflict) as caught:
        furthest(Head("c", 1, 4), Head("other", 3, 2))
    assert caught.value.code == "other_cluster"


def test_a_head_is_of_one_database() -> None:
    assert check_cluster(Head("c", 1, 1), "c") is None
    with pytest.raises(Conflict, match="belongs to the database c and the object storage holds d"):
        check_cluster(Head("c", 1, 1), "d")
