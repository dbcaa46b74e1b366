"""obstore's threads do not come along into a forked child, which would wait for them for ever."""

from __future__ import annotations

import os

from ostler.errors import Internal

__all__ = ["check_process"]


class _Process:
    """What this process, and the one that it was forked from, did with obstore."""

    used = False
    forked = False

    def after_fork(self) -> None:
        self.forked = self.used


_process = _Process()
os.register_at_fork(after_in_child=_process.after_fork)


def check_process() -> None:
    """Go on, unless the process was forked from one that had sent requests.

    :raises Internal: it was (code ``"forked"``).
    """
    if _process.forked:
        raise Internal(
            "the process was forked from one that used S3, whose threads are not in the child: start "
            "processes by 'spawn' or 'forkserver'",
            code="forked",
        )
    _process.used = True
