"""Output of steps as text that cannot move the cursor, clear the screen or set a title."""

from __future__ import annotations

import re

__all__ = ["last_line", "printable"]

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, movements, clearing
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # titles, links, strings of the terminal
    r"|\x1b[ -/]*[0-~]?"
)
_BREAK = re.compile(rb"[\r\n]+")


def printable(output: bytes) -> str:
    """Return a line of output without control characters; of binary data only the ASCII is left."""
    try:
        text = output.decode()
    except UnicodeDecodeError:
        text = output.decode("ascii", errors="ignore")
    text = _SEQUENCE.sub("", text).replace("\t", " ")
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def last_line(output: bytes) -> str:
    """Return the last line that is not blank; a progress bar's carriage return begins a line too."""
    for line in reversed(_BREAK.split(output)):
        if text := printable(line).strip():
            return text
    return ""
