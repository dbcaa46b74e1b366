from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from ostler.errors import NotFound
from ostler.services.api import WorkspaceArchive

if TYPE_CHECKING:
    from .conftest import World


def keys(world: World) -> list[str]:
    found = [item.key for item in world.ost.objects()]
    return [key for key in found if not key.startswith("manifest/")]


def test_shared_outputs_stay_until_the_last_run_that_refers_to_them_is_released(
    world: World,
) -> None:
    outputs = world.outputs
    outputs.refer("run1", "task", archives=True)
    outputs.put_log("task", 0, io.BytesIO(b"said"), 4)
    outputs.put_archive("task", 1, io.BytesIO(b"tar"))
    outputs.refer("run2", "task", archives=True)

    outputs.release("run1", ["task"])
    with outputs.open_log("task", 0, 2) as log:
        assert log.read() == b"id"
    with outputs.open_archive(WorkspaceArchive("name", "task", 1)) as archive:
        assert archive.read() == b"tar"

    outputs.release("run2", ["task"])
    assert keys(world) == []
    with pytest.raises(NotFound):
        outputs.open_log("task", 0)


def test_a_cache_is_kept_as_it_was_first_saved(world: World) -> None:
    outputs = world.outputs
    assert outputs.put_cache("project/p/pip-1", io.BytesIO(b"one")) is True
    assert outputs.put_cache("project/p/pip-1", io.BytesIO(b"two")) is False
    name = outputs.find_cache("project/p/pip-1", prefix=False)
    assert name is not None
    with outputs.open_cache(name) as cache:
        assert cache.read() == b"one"
    assert outputs.find_cache("project/p/pip-", prefix=False) is None


def test_of_several_caches_with_a_prefix_the_newest_is_found_not_the_last_by_name(
    world: World,
) -> None:
    outputs = world.outputs
    for key in ("pip-c", "pip-b", "pip-a", "npm-z"):
        outputs.put_cache(key, io.BytesIO(b""))
        world.clock.sleep(0.002)
    assert outputs.find_cache("pip-", prefix=True) == "pip-a"
    assert outputs.find_cache("apt-", prefix=True) is None


def test_old_caches_are_removed_and_young_ones_stay(world: World) -> None:
    world.outputs.put_cache("old", io.BytesIO(b""))
    world.clock.sleep(0.01)
    between = world.clock.now()
    world.clock.sleep(0.01)
    world.outputs.put_cache("young", io.BytesIO(b""))
    assert world.outputs.remove_old_caches(between) == 1
    assert keys(world) == ["caches/young.tar"]


@pytest.mark.parametrize("key", ["a/../b", "with space", "naïve", "a//b", "x:y%z"])
def test_any_text_can_be_the_key_of_a_cache(world: World, key: str) -> None:
    world.outputs.put_cache(key, io.BytesIO(b"kept"))
    name = world.outputs.find_cache(key[:-1], prefix=True)
    assert name is not None
    with world.outputs.open_cache(name) as cache:
        assert cache.read() == b"kept"
