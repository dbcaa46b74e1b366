from __future__ import annotations

import pytest

from ostler.cli._sizes import human_size, plural, utc


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (1 << 20, "1.0 MiB"),
        (1023 << 20, "1.0 GiB"),
        (5 << 40, "5.0 TiB"),
        (5000 << 50, "5000.0 PiB"),
    ],
)
def test_sizes(size: int, words: str) -> None:
    assert human_size(size) == words


def test_counts_and_times() -> None:
    assert (plural(1, "object"), plural(1200, "object")) == ("1 object", "1,200 objects")
    assert utc(1.9) == "1970-01-01T00:00:01Z"
