"""JSON lists that are printed as their items come, however many there are."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["JsonList"]


class JsonList:
    """Prints ``{"name": [items…], …more}``, an item on each line; nothing before the first item."""

    def __init__(self, name: str) -> None:
        self._before = f"{{\n{_text(name)}: ["
        self._separator = "\n"

    def add(self, item: Mapping[str, Any]) -> None:
        """Print an item."""
        sys.stdout.write(f"{self._before}{self._separator}{_text(item)}")
        self._before, self._separator = "", ",\n"

    def extend(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Print items as they come."""
        for item in items:
            self.add(item)

    def close(self, **more: Any) -> None:
        """End the list, and print what is known only now."""
        fields = "".join(f",\n{_text(name)}: {_text(value)}" for name, value in more.items())
        sys.stdout.write(f"{self._before}\n]{fields}\n}}\n")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
