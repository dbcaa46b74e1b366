"""The bad configs beside this file, each with the messages that reading it must give.

Prints them as the table in docs/troubleshooting.md; with ``--write`` puts it there.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[3] / "docs" / "troubleshooting.md"
BEGIN = "<!-- bad configs: begin (python tests/framework/runs/bad_configs/table.py --write) -->"
END = "<!-- bad configs: end -->"

Entry = dict[str, Any]

BAD: dict[str, Entry] = json.loads((HERE / "table.json").read_text())
"""By file: the mistake in words, and the messages, each from its line number on."""


def table() -> str:
    """Return the table as Markdown."""
    rows = [_row(name, entry) for name, entry in BAD.items()]
    return "\n".join(["| What is wrong | What is said |", "| --- | --- |", *rows])


def page(text: str) -> str:
    """Return the text of the page with the present table in it."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _row(name: str, entry: Entry) -> str:
    messages = (message.replace("|", "\\|") for message in entry["messages"])
    said = "<br>".join(f"`{name}:{message}`" for message in messages)
    return f"| {entry['mistake']} | {said} |"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(PAGE.read_text()))
    else:
        print(table())
