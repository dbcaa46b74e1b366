"""Storages opened from the arguments of a file system, one for all that chose the same."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping
from typing import Any

from ostler.compose import Composition
from ostler.ost import ObjectStorage
from ostler.settings import Choice, Settings, load_settings, redact_url

from ._failures import as_os_errors

__all__ = ["Opened", "open_shared", "shown"]


class Opened:
    """A storage that is closed once nobody has this object any more, or when the process ends.

    :param composition: what opened the storage, and closes it.
    """

    def __init__(self, composition: Composition, storage: ObjectStorage) -> None:
        self.storage = storage
        self.pid = os.getpid()
        weakref.finalize(self, _close, composition, self.pid)


def open_shared(storage: Choice | None, settings: str | None, home: str | None) -> Opened:
    """Return what the arguments choose now, opened already if this process has it open.

    fsspec makes a file system for every thread; all of them have one storage.

    :param storage: a URL, the name of a type or a table; None: what the settings choose.
    :param settings: path of the file of settings; None: where `load_settings` looks.
    :param home: None: as the settings say.
    :raises ValueError: the settings are wrong, or no plugin offers the storage.
    """
    try:
        with as_os_errors(settings):
            return _open_shared(storage, settings, home)
    except FileNotFoundError as error:
        # Who asks whether a file exists must not take this for a no.
        raise ValueError(error.strerror) from error.__cause__


def _open_shared(storage: Choice | None, settings: str | None, home: str | None) -> Opened:
    loaded = load_settings(settings, overrides={"home": home})
    chosen = loaded if storage is None else loaded.choose("storage", storage, "storage_options")
    token = repr((chosen.storage, chosen.home, chosen.plugins))
    with _shared.lock:
        opened = _shared.opened.get(token)
        if opened is None:
            opened = _shared.opened[token] = _open(chosen)
        return opened


def _open(settings: Settings) -> Opened:
    composition = Composition(settings)
    try:
        return Opened(composition, composition.ost)
    except BaseException:
        composition.close()
        raise


def _close(composition: Composition, pid: int) -> None:
    # A child of a fork has the parent's connections, and must not end them.
    if os.getpid() == pid:
        composition.close()


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.opened = weakref.WeakValueDictionary[str, Opened]()
        self.inherited: list[Opened] = []

    def renew(self) -> None:
        """Forget, in a child of a fork, what is the parent's."""
        # Kept all the same: a driver that is collected may close what it shares with the parent's.
        self.inherited += self.opened.values()
        self.opened = weakref.WeakValueDictionary()
        self.lock = threading.Lock()


_shared = _Shared()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.renew)


def shown(storage: object) -> Any:
    """Return the argument ``storage`` as it may be printed: without what may be secret."""
    if isinstance(storage, str):
        return redact_url(storage)
    if isinstance(storage, Mapping):
        return {"type": storage.get("type")}
    return storage
