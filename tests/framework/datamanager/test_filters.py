from __future__ import annotations

import random
import subprocess
import sys
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.datamanager.filters import build_filter, hash_of, may_hold

SHAPES: dict[str, Callable[[int], str]] = {
    "numbers": str,
    "padded": lambda number: f"id-{number:010}",
    "hexadecimal": lambda number: f"{number:x}",
    "paths": lambda number: f"project/{number % 100}/run/{number // 100}",
    "random": lambda number: str(uuid.UUID(int=random.Random(number).getrandbits(128))),
    "unicode": lambda number: f"é{number}\U0001f680",
}


@given(st.sets(st.text(), min_size=1))
def test_whatever_is_in_it_is_found(ids: set[str]) -> None:
    bits = build_filter(map(hash_of, ids), len(ids))
    assert len(bits) == 2 * len(ids)
    assert all(may_hold(bits, hash_of(name)) for name in ids)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [100, 20_000])
def test_few_others_are_found(shape: str, count: int) -> None:
    make = SHAPES[shape]
    bits = build_filter((hash_of(make(number)) for number in range(count)), count)
    wrong = sum(may_hold(bits, hash_of(make(number))) for number in range(count, count + 20_000))
    assert wrong / 20_000 < 0.02


def test_every_process_hashes_alike() -> None:
    script = "from ostler.datamanager.filters import hash_of; print(hash_of('é-id'))"
    told = subprocess.check_output([sys.executable, "-c", script], env={"PYTHONHASHSEED": "3"})
    assert int(told) == hash_of("é-id") == 2525074309
