"""Finding out what a server can do that says it is compatible."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

from ostler.errors import Error, Forbidden, Unauthorized

from .answers import answer_of

__all__ = ["Abilities", "probe"]


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server can do.

    :param exclusive: it honours ``If-None-Match``.
    :param ordered: it lists in key order, and begins where it is told.
    """

    exclusive: bool
    ordered: bool


def probe(store: S3Store, root: str, typed: Callable[[Exception], Error]) -> Abilities:
    """Write, list and remove two objects below ``root`` + ``probes/``.

    Who may not write cannot find out: nothing is expected of such a server.

    :raises Error: the server cannot be asked now.
    """
    place = f"{root}probes/{uuid4().hex}"
    try:
        with _objects(store, [f"{place}/a-b", f"{place}/a/b"]) as keys:
            exclusive = _refuses(store, keys[0])
            return Abilities(exclusive, _lists_in_order(store, place, keys))
    except Exception as error:
        found = typed(error)
        if isinstance(found, (Forbidden, Unauthorized)):
            return Abilities(exclusive=False, ordered=False)
        raise found from error


@contextlib.contextmanager
def _objects(store: S3Store, keys: list[str]) -> Iterator[list[str]]:
    try:
        for key in keys:
            obstore.put(store, key, b"")
        yield keys
    finally:
        for key in keys:
            obstore.delete(store, key)


def _refuses(store: S3Store, key: str) -> bool:
    try:
        obstore.put(store, key, b"again", mode="create")
    except (AlreadyExistsError, PreconditionError):
        return True
    except Exception as error:
        answer = answer_of(error)
        if not answer.status or answer.passing:
            raise
        # Some do not know the condition, and say so, by 501 for one.
    return False


def _lists_in_order(store: S3Store, place: str, keys: list[str]) -> bool:
    return _keys(store, place) == keys and _keys(store, place, keys[0]) == keys[1:]


def _keys(store: S3Store, place: str, offset: str | None = None) -> list[str]:
    return [meta["path"] for batch in obstore.list(store, place, offset=offset) for meta in batch]
