"""Listings: any prefix, any start, any delimiter, over a client that has whole directories only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from obstore.exceptions import InvalidPathError

from ostler.errors import Error
from ostler.spi.storage import CommonPrefix, ObjectInfo

__all__ = ["Lister"]

_LAST = "\U0010ffff"  # no key holds a character that comes after it
_PAGE = 1000

Page = list[ObjectInfo]


class _Pages(Protocol):
    def __call__(self, prefix: str, start_after: str) -> Iterator[Page]:
        """Yield what begins with ``prefix``, after ``start_after``; keys are those in the bucket."""


class Lister:
    """Lists what lies below the storage's own prefix.

    :param root: the own prefix, empty or ending in ``/``.
    :param client: obstore's ``list`` on the bucket: ``(prefix, offset) -> batches``.
    :param odd_pages: lists likewise where keys are that obstore refuses.
    :param ordered: whether the server lists in key order and starts where it is told.
    """

    def __init__(
        self,
        root: str,
        client: Callable[..., Any],
        odd_pages: _Pages,
        typed: Callable[[Exception], Error],
        *,
        ordered: bool,
    ) -> None:
        self._root, self._client, self._odd_pages = root, client, odd_pages
        self._typed, self._ordered = typed, ordered

    def objects(self, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        """Yield the objects below ``prefix`` after ``start_after``."""
        for page in self._selected(prefix, start_after):
            yield from page

    def grouped(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        """Yield objects and common prefixes.

        What lies below a common prefix is passed over by beginning anew behind
        it, as soon as a page holds nothing else.
        """
        if not self._ordered:
            yield from self._grouped_unordered(prefix, start_after, delimiter)
            return
        after = start_after
        told: str | None = None
        while True:
            for page in self._selected(prefix, after):
                if told and page[-1].key.startswith(told):
                    break
                for item in page:
                    if told is not None and item.key.startswith(told):
                        continue
                    at = item.key.find(delimiter, len(prefix))
                    if at < 0:
                        yield item
                        continue
                    told = item.key[: at + 1]
                    if told != start_after:
                        yield CommonPrefix(told)
            else:
                return
            assert told is not None
            # Keys with that character after the prefix are folded by the next round.
            last, after = page[-1].key, told + _LAST
            after = max(after, last)

    def _grouped_unordered(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        """Yield the same where what lies below a common prefix may come in any place."""
        told = {start_after}
        for item in self.objects(prefix, start_after):
            at = item.key.find(delimiter, len(prefix))
            if at < 0:
                yield item
            elif (folded := item.key[: at + 1]) not in told:
                told.add(folded)
                yield CommonPrefix(folded)

    def _selected(self, prefix: str, start_after: str) -> Iterator[Page]:
        """Yield pages of exactly what is wanted."""
        for page in self._listed(prefix, start_after):
            chosen = page
            if prefix and not prefix.endswith("/"):
                chosen = [item for item in chosen if item.key.startswith(prefix)]
            if start_after:
                chosen = [item for item in chosen if item.key > start_after]
            if chosen:
                yield chosen
            last = page[-1].key
            if self._ordered and last > prefix and not last.startswith(prefix):
                return

    def _listed(self, prefix: str, start_after: str) -> Iterator[Page]:
        """Yield pages that hold what is wanted, and perhaps some more at both ends.

        Their keys are relative to the storage.
        """
        full = self._root + prefix
        directory = full[: full.rfind("/") + 1]
        offset = ""
        if self._ordered:
            offset = max(_before(full), self._root + start_after if start_after else "")
        last = ""
        try:
            for batch in self._client(
                prefix=directory or None, offset=_as_path(offset) or None, chunk_size=_PAGE
            ):
                if batch:
                    last = batch[-1]["path"]
                    yield _page(batch, len(self._root))
        except InvalidPathError:
            # A key that none of ours can be: s3fs takes them, we pass over them.
            yield from self._odd(full, last or offset)
        except Exception as error:
            raise self._typed(error) from error

    def _odd(self, full: str, after: str) -> Iterator[Page]:
        for page in self._odd_pages(full, after if self._ordered else ""):
            plain = [item for item in page if _is_ours(item.key)]
            if plain:
                yield [replace(item, key=item.key.removeprefix(self._root)) for item in plain]


def _page(batch: Any, skip: int) -> Page:
    """Return the objects of obstore's batch, without the first ``skip`` characters of their keys.

    HEAD tells whole seconds only: so do we, everywhere.
    """
    return [
        ObjectInfo(
            meta["path"][skip:],
            meta["size"],
            meta["last_modified"].timestamp() // 1,
            (meta["e_tag"] or "").strip('"') or None,
        )
        for meta in batch
    ]


def _before(prefix: str) -> str:
    """Return a text that no key lies between and those that begin with ``prefix``, or hardly one.

    Empty when ``prefix`` ends at a ``/``: there the client begins by itself.
    """
    if not prefix or prefix.endswith("/"):
        return ""
    earlier = ord(prefix[-1]) - 1
    if (
        earlier < 0x21
        or chr(earlier) == "/"
        or 0x7F <= earlier <= 0xA0
        or 0xD800 <= earlier < 0xE000
    ):
        return prefix[:-1]
    return prefix[:-1] + chr(earlier) + _LAST


def _as_path(offset: str) -> str:
    """Return what is not after ``offset`` and is a path for obstore; what is too much is dropped later."""
    head, _, name = offset.rpartition("/")
    return head if name in ("", ".", "..") else offset


def _is_ours(key: str) -> bool:
    return not any(part in ("", ".", "..") for part in key.split("/"))
