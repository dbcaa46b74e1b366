"""A part of the store that looks like a whole one: keys below a prefix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ostler.spi import Compare, Event, KeyValue, Operation, Page, TxnResult

__all__ = ["Scope"]


class Scope:
    """Puts a prefix before keys on their way in, and takes it off on their way out."""

    __slots__ = ("_skip", "prefix")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._skip = len(prefix)

    def compares(self, compares: Sequence[Compare]) -> Sequence[Compare]:
        """Return comparisons as the driver sees them."""
        if not self.prefix:
            return compares
        return [replace(each, key=self.prefix + each.key) for each in compares]

    def operations(self, operations: Sequence[Operation]) -> Sequence[Operation]:
        """Return operations as the driver sees them."""
        if not self.prefix:
            return operations
        return [replace(each, key=self.prefix + each.key) for each in operations]

    def key_value(self, item: KeyValue | None) -> KeyValue | None:
        """Return a key as the caller sees it."""
        return item if item is None or not self.prefix else self._strip(item)

    def page(self, page: Page) -> Page:
        """Return a page as the caller sees it."""
        if not self.prefix:
            return page
        return replace(page, items=tuple(map(self._strip, page.items)))

    def result(self, result: TxnResult) -> TxnResult:
        """Return a result as the caller sees it."""
        if not (self.prefix and result.reads):
            return result
        return replace(result, reads=tuple(map(self.key_value, result.reads)))

    def events(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Return events as the caller sees them."""
        if not self.prefix:
            return events
        return tuple(
            Event(each.revision, each.key[self._skip :], self.key_value(each.value))
            for each in events
        )

    def _strip(self, item: KeyValue) -> KeyValue:
        return replace(item, key=item.key[self._skip :])
