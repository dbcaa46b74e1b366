from __future__ import annotations

import pytest

from ostler.services.transfer import spooling
from ostler.services.transfer.spooling import Spool


@pytest.mark.parametrize("in_memory", [1 << 20, 8])
def test_keys_come_back_in_order(in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "_IN_MEMORY", in_memory)
    keys = [f"é {number} \u2028" for number in range(20)]
    with Spool() as spool:
        for key in keys:
            spool.add(key)
        assert list(spool) == keys
