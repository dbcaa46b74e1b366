from __future__ import annotations

from ostler.testing.kv import SharedKvConformance


class TestSqlite(SharedKvConformance):
    """Fixtures `driver` and `second_driver` are in conftest."""
