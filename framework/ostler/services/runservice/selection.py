"""Which runs a listing asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ostler.runs.model import Phase, Result, Run

__all__ = ["RunPage", "Selection", "in_group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions, all of which a run must meet; newest runs come first.

    :param group: of the run, or above it; empty: any.
    :param annotations: that it must have, with a value or (None) with any.
    :param after: only runs that come behind this id, in other words older ones; empty: from the newest on.
    """

    group: str = ""
    phase: Phase | None = None
    result: Result | None = None
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    after: str = ""

    def takes(self, run: Run) -> bool:
        """Return whether a run meets all conditions."""
        return (
            in_group(run.group, self.group)
            and self.phase in (None, run.phase)
            and self.result in (None, run.result)
            and all(
                run.annotations.get(key) is not None and value in (None, run.annotations[key])
                for key, value in self.annotations.items()
            )
            and (not self.after or run.id < self.after)
        )


@dataclass(frozen=True, slots=True)
class RunPage:
    """A part of a listing.

    :param runs: without their tasks, newest first.
    :param after: id behind which the listing goes on; empty: this is its end.
    """

    runs: tuple[Run, ...]
    after: str = ""


def in_group(group: str, above: str) -> bool:
    """Return whether a group is ``above`` or below it: ``/project/x/run/y`` is in ``/project/x``."""
    above = above.rstrip("/")
    return not above or group == above or group.startswith(f"{above}/")
