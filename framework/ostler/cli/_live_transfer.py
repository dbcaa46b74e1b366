"""A transfer as a live display, for a terminal."""

from __future__ import annotations

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from ostler.clock import Clock

from ._output import show_cursor
from ._printable import printable
from ._transfers import Shown

__all__ = ["LiveTransfer"]

_LARGE = 4 << 20
"""Bytes from which on an object is shown by itself: smaller ones come and go."""

_MOST_ROWS = 8


class LiveTransfer(Shown):
    """One line for all, and one with a bar for each large object that is moving."""

    def __init__(self, clock: Clock, console: Console) -> None:
        super().__init__(clock)
        self._console = console
        self._rows: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            auto_refresh=False,
            expand=True,
        )
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=10, transient=True
        )

    def start(self) -> None:
        self._live.start()

    def close(self) -> None:
        self._live.stop()

    def abandon(self) -> None:
        show_cursor(self._console)

    def began(self, name: str, size: int | None) -> None:
        if size is not None and size < _LARGE:
            return
        with self.lock:
            if len(self._rows) < _MOST_ROWS and name not in self._rows:
                self._rows[name] = self._progress.add_task(self._title(name), total=size)

    def moved(self, name: str, count: int) -> None:
        super().moved(name, count)
        row = self._rows.get(name)
        if row is not None:
            self._progress.advance(row, count)

    def ended(self, name: str) -> None:
        super().ended(name)
        with self.lock:
            row = self._rows.pop(name, None)
        if row is not None:
            self._progress.remove_task(row)

    def _title(self, name: str) -> str:
        most = max(10, self._console.width // 3)
        shown = printable(name.encode(errors="replace"))
        return shown if len(shown) <= most else f"…{shown[1 - most :]}"

    def _draw(self) -> Group:
        return Group(
            Text(self.words(), no_wrap=True, overflow="ellipsis"), self._progress.get_renderable()
        )
