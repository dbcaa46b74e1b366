"""Which database lies in a storage is told without opening it, and without a change."""

from __future__ import annotations

import pytest

from ostler.datamanager import database_in
from ostler.datamanager.founding import find_or_found
from ostler.errors import Internal

from .database_support import World


def test_a_database_is_found_by_its_newest_manifest(world: World) -> None:
    assert database_in(world.ost) is None
    made = find_or_found(world.ost, world.kv, None, world.clock, world.threads)
    assert database_in(world.ost) == made.cluster
    world.ost.put("manifest/00000000000000000002", b"damaged")
    with pytest.raises(Internal):
        database_in(world.ost)


def test_nothing_is_written_not_even_to_make_it_durable(world: World) -> None:
    find_or_found(world.ost, world.kv, None, world.clock, world.threads)
    world.driver.durable.clear()
    assert database_in(world.ost) is not None
    assert world.driver.durable == set()
