"""Names and links within an archive: none of them may lead out of it."""

from __future__ import annotations

import posixpath

from ostler.errors import BadRequest

__all__ = ["check_link", "inner_path"]


def inner_path(path: str, what: str) -> str:
    """Return ``path`` relative to an archive's root, without ``.``; empty: the root itself.

    A leading ``/`` means the root.

    :param what: what the path is, for the message.
    :raises BadRequest: it leads out of the root.
    """
    inner = posixpath.normpath(path.lstrip("/") or ".")
    if inner == ".." or inner.startswith("../"):
        raise BadRequest(f"{what} {path!r} leads out of the archive: remove the '..'")
    return "" if inner == "." else inner


def check_link(name: str, target: str) -> None:
    """Refuse a symbolic link that could not be restored, since it points out of the archive.

    :raises BadRequest: it does, with what to do.
    """
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
    if target.startswith("/") or resolved == ".." or resolved.startswith("../"):
        raise BadRequest(
            f"{name!r} is a link to {target!r}, which lies outside of the archive, and so could "
            "not be restored: leave it out, or put a copy or a relative link in its place"
        )
