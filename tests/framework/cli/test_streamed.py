from __future__ import annotations

import json

import pytest

from ostler.cli._streamed import JsonList


@pytest.mark.parametrize("items", [[], [{"key": "é"}], [{"key": "a"}, {"key": '"'}]])
def test_the_list_is_json(items: list[dict[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    listed = JsonList("objects")
    assert capsys.readouterr().out == ""
    listed.extend(items)
    listed.close(after="", count=len(items))
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"objects": items, "after": "", "count": len(items)}
