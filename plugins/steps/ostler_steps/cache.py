"""The steps `save_cache` and `restore_cache`."""

from __future__ import annotations

from ostler.errors import NotFound
from ostler.spi import Body, StepContext

from .models import RestoreCacheStep, SaveCacheStep

__all__ = ["restore", "save"]


def save(config: SaveCacheStep, context: StepContext) -> int:
    """Keep what the contents match as the cache of the key, unless there is one."""
    key = context.render_cache_key(config.key)
    if context.find_cache(key, prefix=False) is not None:
        context.log(f"the cache {key} exists already and is kept as it is")
        return 0
    with context.pack([content.value() for content in config.contents]) as archive:
        saved = context.save_cache(key, archive)
    context.log(f"saved the cache {key}" if saved else f"another task has just saved {key}")
    return 0


def restore(config: RestoreCacheStep, context: StepContext) -> int:
    """Unpack the newest cache of the first key that has one; none at all is no failure."""
    for template in config.keys:
        key = context.render_cache_key(template)
        found = _open(key, context)
        if found is None:
            context.log(f"no cache {key}")
            continue
        context.log(f"restoring a cache that begins with {key}")
        with found:
            context.unpack(found, config.dest_dir)
        return 0
    return 0


def _open(key: str, context: StepContext) -> Body | None:
    name = context.find_cache(key, prefix=True)
    if name is None:
        return None
    try:
        return context.open_cache(name)
    except NotFound:
        return None  # removed by its age in this very moment
