"""From a path to its runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ostler.errors import BadRequest, Forbidden, NotFound
from ostler.runs.when import Source
from ostler.spi.configs import ConfigFormat, Document
from ostler.spi.info import load_reference
from ostler.spi.steps import StepType

from .node import Node, Reading, Scope
from .parsed import ConfigFile
from .problems import ConfigError, Problem
from .runs import read_runs

__all__ = ["CANDIDATES", "find_config", "read_config"]

CANDIDATES = (
    ".agola/config.jsonnet",
    ".agola/config.star",
    ".agola/config.yml",
    ".agola/config.json",
    "ostler.yml",
)


def find_config(directory: Path) -> Path:
    """Return the run config of a directory: the first that exists of `CANDIDATES`.

    :raises NotFound: there is none; the message lists what was tried.
    """
    for name in CANDIDATES:
        if (directory / name).is_file():
            return directory / name
    raise NotFound(
        f"there is no run config in {directory}: tried {', '.join(CANDIDATES)};"
        " write one, or name the file",
        details={"tried": list(CANDIDATES)},
    )


def read_config(
    path: Path,
    *,
    formats: Mapping[str, ConfigFormat],
    step_types: Mapping[str, StepType],
    variables: Mapping[str, str],
    source: Source,
) -> ConfigFile:
    """Read a run config file.

    :param formats: by suffix of file names (``.yml``).
    :param step_types: by name.
    :param variables: what ``from_variable`` may name.
    :param source: what ``when`` looks at.
    :raises NotFound: there is no such file.
    :raises Forbidden: it may not be read.
    :raises BadRequest: it is not a file, or no format reads it.
    :raises ConfigError: something is wrong in it; all of that is named.
    """
    read = _reader(path, formats)
    file = _shown(path)
    text = _decoded(_content(path), file)
    document = _parsed(read, text, file)
    reading = Reading(
        file=file,
        document=document,
        step_types=step_types,
        variables=variables,
        source=source,
    )
    for fault in document.faults:
        reading.report(fault.path, fault.message)
    runs = read_runs(Node(document.value, (), Scope(), reading))
    if reading.problems:
        raise ConfigError(reading.problems)
    return ConfigFile(path, runs)


def _reader(path: Path, formats: Mapping[str, ConfigFormat]) -> Callable[[str, str], Document]:
    for suffix in sorted(formats, key=len, reverse=True):
        if path.name.endswith(suffix):
            found: Callable[[str, str], Document] = load_reference(formats[suffix].read)
            return found
    known = ", ".join(sorted(formats)) or "none"
    raise BadRequest(
        f"no installed plugin reads {path.suffix or 'files without a suffix'}, so {path} cannot be"
        " read: install a plugin that does, or convert the file to YAML or JSON and name that one"
        f" (suffixes that are read: {known})"
    )


def _shown(path: Path) -> str:
    """Return the path as people know it: relative where it lies below the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except PermissionError as error:
        raise Forbidden(f"{path} may not be read by this user") from error
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}") from error


def _decoded(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise ConfigError([Problem(file=file, line=line, message=message)]) from error


def _parsed(read: Callable[[str, str], Document], text: str, file: str) -> Document:
    try:
        return read(text, file)
    except BadRequest as error:
        line = error.details.get("line", 1)
        raise ConfigError([Problem(file=file, line=line, message=error.message)]) from error
