from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ostler.datamanager import Imported, Put, export_lines, import_lines, importing, rescue
from ostler.errors import BadRequest, Conflict

from .opened_support import Opened


class KeepLonger:
    def groups(self, entry: Put) -> Iterable[str]:
        return [f"g/{entry.id}"] if entry.type == "b" else []

    def merged(self, entry: Put, here: bytes) -> bytes:
        return max(entry.data, here, key=len)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Opened]:
    made = Opened(tmp_path / "source")
    made.put("1", "é/ü", data=bytes(range(256)))
    made.database.checkpoint()
    made.put("2", type="b", data=b"")
    yield made
    made.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Opened]:
    made = Opened(tmp_path / "target")
    yield made
    made.close()


def lines(source: Opened) -> list[bytes]:
    return list(export_lines(rescue(source.ost)))


def test_an_export_begins_with_what_it_is_and_has_a_line_for_each_entry(source: Opened) -> None:
    header, *rest = map(json.loads, lines(source))
    cluster = source.database.cluster
    assert header == {"format": "ostler-export", "version": 1, "cluster": cluster, "commit": 2}
    assert [(each["type"], each["id"]) for each in rest] == [("a", "1"), ("a", "é/ü"), ("b", "2")]
    assert rest[2] == {"type": "b", "id": "2", "data": ""}


def test_there_and_back(source: Opened, target: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_ENTRIES", 2)
    told = import_lines(target.database, lines(source), merge=KeepLonger())
    assert told == Imported(entries=3, written=3)
    assert lines(target)[1:] == lines(source)[1:]
    assert target.database.status().commit == 2


def test_what_has_entries_is_not_imported_into_unless_it_is_asked_for(
    source: Opened, target: Opened
) -> None:
    target.put("1", data=b"here")
    target.put("2", type="b", data=b"longer")
    with pytest.raises(Conflict, match="has entries already"):
        import_lines(target.database, lines(source), merge=KeepLonger())
    told = import_lines(target.database, lines(source), merge=KeepLonger(), into_any=True)
    assert told == Imported(entries=3, written=2)
    assert target.database.get("a", "1") == bytes(range(256))
    assert target.database.get("b", "2") == b"longer"
    again = import_lines(target.database, lines(source), merge=KeepLonger(), into_any=True)
    assert again == Imported(entries=3, written=0)


def test_an_entry_that_changes_meanwhile_is_merged_again(source: Opened, target: Opened) -> None:
    class Racing(KeepLonger):
        raced = False

        def merged(self, entry: Put, here: bytes) -> bytes:
            if entry.type == "b" and not self.raced:
                self.raced = True
                target.database.commit([Put("b", "2", b"much longer")], groups=["g/2"])
            return super().merged(entry, here)

    target.put("2", type="b", data=b"here")
    import_lines(target.database, lines(source), merge=Racing(), into_any=True)
    assert target.database.get("b", "2") == b"much longer"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ([], "no JSON"),
        ([b"{}\n"], "no export"),
        ([b"[]\n"], "no JSON object"),
        ([b'{"format":"ostler-export","version":2}\n'], "version 2"),
    ],
)
def test_what_is_no_export_is_refused(target: Opened, changed: list[bytes], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        import_lines(target.database, changed, merge=KeepLonger())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"type":"a","id":"1","da', "line 2 .* broken off"),
        (b'{"type":"a","id":"1"}', "line 2 .* no entry"),
        (b'{"type":"a","id":"1","data":"?"}', "line 2 .* no entry"),
        (b'{"type":"c","id":"1","data":""}', "no declared type"),
    ],
)
def test_a_wrong_line_is_named(source: Opened, target: Opened, line: bytes, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        import_lines(target.database, [lines(source)[0], line], merge=KeepLonger())
