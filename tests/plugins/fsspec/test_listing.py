from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ostler.spi.storage import CommonPrefix, ObjectInfo, grouped
from ostler.testing.storage.listings import listed
from ostler_fsspec.infos import object_info
from ostler_fsspec.listing import walk

PARTS = st.text(alphabet="ab-.0é\U00010000", min_size=1, max_size=3).filter(
    lambda part: part not in (".", "..")
)
KEYS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


class Tree:
    """Directories of a flat store: an object may have the name of a directory."""

    def __init__(self, keys: set[str]) -> None:
        self.keys = keys
        self.asked: list[str] = []

    def entries(self, directory: str) -> Sequence[Mapping[str, Any]]:
        self.asked.append(directory)
        below = {key[len(directory) :] for key in self.keys if key.startswith(directory)}
        names = {f"root/{directory}{name.partition('/')[0]}" for name in below if "/" in name}
        files = [f"root/{directory}{name}" for name in below if "/" not in name]
        told = [{"name": name, "type": "directory"} for name in names]
        return [*told, *({"name": name, "type": "file", "size": 0} for name in files)]


@given(keys=st.sets(KEYS, max_size=25), data=st.data())
def test_a_walk_tells_what_the_contract_says(keys: set[str], data: st.DataObject) -> None:
    beginnings = sorted({key[:end] for key in keys for end in range(len(key) + 1)}) or [""]
    texts = st.sampled_from(beginnings)
    prefix = data.draw(texts)
    start_after = data.draw(st.one_of(texts, texts.map(lambda text: text + "/"), KEYS))
    delimiter = data.draw(st.sampled_from(["", "/", "-"]))
    found: list[tuple[str, bool]] = []
    tree = Tree(keys)
    objects = (
        CommonPrefix(key) if info is None else object_info(key, info)
        for key, info in walk(tree.entries, prefix, start_after, descend=delimiter != "/")
    )
    if delimiter == "-":
        plain = (item for item in objects if isinstance(item, ObjectInfo))
        objects = iter(list(grouped(plain, prefix, start_after, delimiter)))  # type: ignore[assignment]
    for item in objects:
        common = isinstance(item, CommonPrefix)
        found.append((item.prefix if isinstance(item, CommonPrefix) else item.key, common))
    assert found == listed(keys, prefix, start_after, delimiter)


def test_only_directories_on_the_way_are_read() -> None:
    tree = Tree({f"{a}/{b}/{c}" for a in "abc" for b in "abc" for c in "abc"})
    items = walk(tree.entries, "", "b/b/b")
    assert next(items)[0] == "b/b/c"
    assert tree.asked == ["", "b/", "b/b/"]
    tree.asked.clear()
    assert [key for key, _info in walk(tree.entries, "c/a/", "")] == ["c/a/a", "c/a/b", "c/a/c"]
    assert tree.asked == ["c/a/"]


def test_what_no_key_leads_to_is_not_told() -> None:
    names = ["", ".", "..", "a\x7f", "line\n", "\ud800", "ok"]
    entries = [{"name": f"root/{name}", "type": "file", "size": 0} for name in names]
    entries.append({"name": "root/odd", "type": "other"})
    entries.append({"name": "root/marker/", "type": "file", "size": 0})
    assert [key for key, _info in walk(lambda _directory: entries, "", "")] == ["ok"]
