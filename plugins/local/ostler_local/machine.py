"""The machine and who uses it."""

from __future__ import annotations

import functools
import os
import platform
import pwd

__all__ = ["architecture", "is_current_user", "user_name"]

_GO_NAMES = {
    "aarch64": "arm64",
    "amd64": "amd64",
    "arm64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "i386": "386",
    "i686": "386",
    "loongarch64": "loong64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
    "x86_64": "amd64",
}


def architecture() -> str:
    """Return the machine's architecture by its name in Go (``amd64``), or as the machine calls it."""
    name = platform.machine().lower()
    return _GO_NAMES.get(name, name)


@functools.cache
def user_name() -> str:
    """Return the name of the user that this process runs as; its number when it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def is_current_user(user: str) -> bool:
    """Whether ``user`` (a name or number, a group after a colon does not count) is who runs this; empty: yes."""
    name = user.partition(":")[0]
    return name in ("", str(os.geteuid()), user_name())
