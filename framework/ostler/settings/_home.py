"""The directory that holds what the embedded defaults keep."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from ostler.errors import Forbidden, Unavailable

__all__ = ["default_home", "ensure_home"]

_PRIVATE = 0o700


def default_home(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """Return the platform's directory for a user's data, with ``ostler`` at its end."""
    user = environ.get("HOME") or os.path.expanduser("~")
    if platform == "darwin":
        return os.path.join(user, "Library", "Application Support", "ostler")
    data = environ.get("XDG_DATA_HOME", "")
    # The specification of XDG says that a relative path is to be ignored.
    base = data if os.path.isabs(data) else os.path.join(user, ".local", "share")
    return os.path.join(base, "ostler")


def ensure_home(home: str) -> str:
    """Make the home directory when it is absent, for its owner alone, and return it.

    :raises Forbidden: it cannot be made or written here.
    :raises Unavailable: anything else that the system refuses, with its reason.
    """
    try:
        os.makedirs(home, mode=_PRIVATE, exist_ok=True)
    except PermissionError as error:
        raise _forbidden(home) from error
    except OSError as error:
        raise Unavailable(
            f"home {home!r} cannot be made: {error.strerror}; set OSTLER_HOME to another directory"
        ) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise _forbidden(home)
    return home


def _forbidden(home: str) -> Forbidden:
    return Forbidden(
        f"home {home!r} is not writable for this user; set OSTLER_HOME to another directory"
    )
