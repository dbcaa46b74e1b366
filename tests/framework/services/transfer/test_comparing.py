from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.services.transfer.comparing import Pair, Verdict, joined, judge
from ostler.spi.storage import ObjectInfo

NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True).map(sorted)


def info(name: str, size: int = 1, modified: float = 0.0) -> ObjectInfo:
    return ObjectInfo(name, size, modified, None)


@given(NAMES, NAMES)
def test_a_join_has_every_name_once_in_order_with_what_each_side_has(
    sources: list[str], targets: list[str]
) -> None:
    pairs = list(
        joined(
            iter([(name, info(f"s/{name}")) for name in sources]),
            iter([(name, info(f"t/{name}")) for name in targets]),
        )
    )
    assert [pair.name for pair in pairs] == sorted({*sources, *targets})
    assert [pair.source.key for pair in pairs if pair.source] == [f"s/{name}" for name in sources]
    assert [pair.target.key for pair in pairs if pair.target] == [f"t/{name}" for name in targets]


def test_a_join_reads_no_further_than_it_must() -> None:
    def endless() -> object:
        for number in range(10**9):
            yield f"{number:09}", info("x")

    pairs = joined(endless(), iter([]))  # type: ignore[arg-type]
    assert [next(pairs).name for _ in range(3)] == ["000000000", "000000001", "000000002"]


@pytest.mark.parametrize(
    ("source", "target", "checksum", "verdict"),
    [
        (None, info("a"), False, Verdict.EXTRA),
        (info("a"), None, False, Verdict.ABSENT),
        (info("a", 1), info("a", 2), False, Verdict.SIZE),
        (info("a", 1), info("a", 2), True, Verdict.SIZE),
        (info("a", modified=100), info("a", modified=10), False, Verdict.NEWER),
        (info("a", modified=10), info("a", modified=100), False, Verdict.SAME),
        (info("a", modified=10), info("a", modified=100), True, Verdict.UNSURE),
        (info("a", modified=10.9), info("a", modified=10), False, Verdict.UNSURE),
        (info("a", modified=10), info("a", modified=10.9), False, Verdict.UNSURE),
    ],
)
def test_verdicts(
    source: ObjectInfo | None, target: ObjectInfo | None, checksum: bool, verdict: Verdict
) -> None:
    assert judge(Pair("a", source, target), checksum=checksum) is verdict
