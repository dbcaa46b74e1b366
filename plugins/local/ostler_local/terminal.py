"""Terminals for steps."""

from __future__ import annotations

import fcntl
import functools
import os
import struct
import termios
from typing import Any

__all__ = ["END_OF_FILE", "Terminal", "open_terminal"]

END_OF_FILE = b"\x04"
"""What a terminal takes for the end of a line or, alone, for the end of the file."""

_ROWS, _COLUMNS = 24, 120
_STOCK = 1024
"""Ends of file laid in for who reads from a terminal at which nobody sits: each read takes one."""


class Terminal:
    """A pseudo-terminal that changes nothing of what is written to it.

    :param ours: the end that reads what the processes write.
    :param theirs: the processes' end; open until they have ended, or ours would
        see an end before they begin.
    """

    def __init__(self, ours: int, theirs: int) -> None:
        self.ours = ours
        self.theirs = theirs
        self.name = os.ttyname(theirs)


def open_terminal(*, attended: bool) -> Terminal:
    """Open a terminal: no echo, no translation of line ends either way.

    :param attended: somebody will write to it; else whoever reads meets the end of the file.
    """
    ours, theirs = os.openpty()
    termios.tcsetattr(theirs, termios.TCSANOW, _plain())
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", _ROWS, _COLUMNS, 0, 0))
    if not attended:
        os.write(ours, END_OF_FILE * _STOCK)
    os.set_blocking(ours, False)
    return Terminal(ours, theirs)


@functools.cache
def _plain() -> list[Any]:
    """Return the settings of a new terminal (all begin with the same), made plain."""
    ours, theirs = os.openpty()
    settings = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)
    settings[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON | termios.IXOFF)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~(termios.ECHO | termios.ECHOE | termios.ECHOK | termios.ECHONL)
    return settings
