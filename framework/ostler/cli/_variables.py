"""Variables for run configs, from options and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ostler.errors import BadRequest
from ostler.spi.configs import ConfigFormat, Document
from ostler.spi.info import load_reference

__all__ = ["read_variables"]


def read_variables(
    options: Sequence[str], files: Sequence[str], formats: Mapping[str, ConfigFormat]
) -> dict[str, str]:
    """Return the variables that files and ``NAME=VALUE`` options set; options win, later ones too.

    :raises BadRequest: an option or a file is not of that form.
    """
    variables: dict[str, str] = {}
    for file in files:
        variables.update(_read(Path(file), formats))
    for option in options:
        name, equals, value = option.partition("=")
        if not (name and equals):
            raise BadRequest(f"--var {option!r} is not of the form NAME=VALUE")
        variables[name] = value
    return variables


def _read(path: Path, formats: Mapping[str, ConfigFormat]) -> dict[str, str]:
    if path.suffix not in formats:
        raise BadRequest(
            f"{path}: variables are read from {', '.join(sorted(formats)) or 'no'} files"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"cannot read the variables in {path}: {error}") from error
    document: Document = load_reference(formats[path.suffix].read)(text, str(path))
    value = document.value
    if not isinstance(value, dict):
        raise BadRequest(f"{path}: expected a mapping of variables")
    for name, item in value.items():
        if not isinstance(item, str):
            line = document.lines.get((name,), 1)
            raise BadRequest(f"{path}:{line}: variable {name!r} is not a string: quote it")
    return value
