"""What a file system of which nothing is known shows when it is written to."""

from __future__ import annotations

from ostler.errors import BadRequest, Error

from .clients import Client
from .failures import translated
from .infos import is_object
from .places import drop, on_the_way

__all__ = ["is_flat"]


def is_flat(client: Client, probe: str) -> bool:
    """Whether an object can be beside another one that is below its name.

    :param probe: a path that nobody else uses; nothing stays there.
    :raises Error: nothing can be written at all.
    """
    try:
        with translated("write to the file system"):
            _try_to_write(client, probe)
        return _holds_both(client, probe)
    finally:
        drop(client, f"{probe}/below")
        drop(client, probe)


def _try_to_write(client: Client, path: str) -> None:
    try:
        on_the_way(client, path, lambda: client.call("pipe_file", path, b"probe"))
    except Error:
        raise
    except (ValueError, TypeError, AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BadRequest(
            f"this file system takes nothing: {str(error) or type(error).__name__}",
            code="not_supported",
        ) from error


def _holds_both(client: Client, path: str) -> bool:
    try:
        client.call("pipe_file", f"{path}/below", b"below")
        above, below = client.call("info", path), client.call("info", f"{path}/below")
        return is_object(above) and is_object(below)
    except Exception:
        return False  # whatever it says, it does not
