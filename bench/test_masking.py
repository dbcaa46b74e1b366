"""Masking of logs: at least 300 MB/s with a few secrets.

Those that need every escape cost more, most of all in a text full of percent signs.
"""

from __future__ import annotations

import pytest

from ostler.masking import Masker

LINE = b"[12:01:07] compiled src/ostler/runs/advance.c -> build/advance.o (31 %)\n"
CHUNK = (LINE * 1000)[: 1 << 16]
SECRETS = {
    "none": [],
    "one": ["ghp_abcdefghijklmnopqrstuvwxyz0123456789"],
    "three": ["ghp_abcdefghijklmnopqrstuvwxyz0123456789", "s3cr3tTokenValueXYZ9182", "hunter22"],
    "odd": ["p@ss/wort&x=1", "Zm9v+YmFy/cXV4", "two words"],
}


@pytest.mark.parametrize("kind", SECRETS)
def test_masking(benchmark, kind: str) -> None:
    masker = Masker(SECRETS[kind])
    out = benchmark(masker.feed, CHUNK)
    assert len(out) > len(CHUNK) - 64
    if benchmark.stats:
        rate = len(CHUNK) / benchmark.stats["median"] / 1e6
        benchmark.extra_info["MB/s"] = round(rate)
        assert rate > (150 if kind == "odd" else 300)
