"""``ostler run``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from ostler.compose import Composition
from ostler.errors import BadRequest, NotFound
from ostler.runs.config import RunConfig
from ostler.runs.creation import new_run
from ostler.runs.model import Run
from ostler.runs.reader import (
    ConfigFile,
    ParsedRun,
    find_config,
    git_source,
    given_source,
    read_config,
    resolve,
)
from ostler.runs.when import Source
from ostler.services.worktree import snapshot, toplevel

from ._exit import Exit
from ._foreground import errors_as_json, foreground
from ._options import Instance, instance_options, json_option
from ._output import say
from ._variables import read_variables

__all__ = ["command"]


@click.command()
@click.argument("path", required=False, type=click.Path())
@click.option("--config", metavar="PATH", help="The same as PATH.")
@click.option("--run", "names", multiple=True, metavar="NAME", help="Only this run (repeatable).")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable.")
@click.option(
    "--var-file", "files", multiple=True, metavar="FILE", help="Variables from YAML or JSON."
)
@click.option("--branch", metavar="NAME", help="Branch for `when`, instead of the working tree's.")
@click.option("--tag", metavar="NAME", help="Tag for `when`.")
@click.option("--ref", metavar="NAME", help="Ref for `when`.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Tasks at once.")
@click.option("--approve-all", is_flag=True, help="No task waits for approval.")
@click.option("--quiet", "-q", is_flag=True, help="Leave the output of the steps out.")
@json_option
@instance_options
def command(
    *,
    path: str | None,
    config: str | None,
    names: Sequence[str],
    variables: Sequence[str],
    files: Sequence[str],
    branch: str | None,
    tag: str | None,
    ref: str | None,
    jobs: int | None,
    approve_all: bool,
    quiet: bool,
    as_json: bool,
    instance: Instance,
) -> Exit:
    """Run a run config here, and wait for its end.

    PATH is a run config or a directory that has one; this directory by default.
    """
    with ExitStack() as stack:
        stack.enter_context(errors_as_json(as_json))
        settings = instance.settings(**({"jobs": jobs} if jobs else {}))
        composition = stack.enter_context(Composition(settings))
        if path and config:
            raise BadRequest("give the run config once: as PATH or as --config")
        file = _locate(path or config or ".")
        given = given_source(branch=branch or "", tag=tag or "", ref=ref or "")
        source = given or git_source(file.resolve().parent)
        parsed = read_config(
            file,
            formats=composition.config_formats,
            step_types=composition.step_types,
            variables=read_variables(variables, files, composition.config_formats),
            source=source,
        )
        creation = _Creation(composition, file, _chosen(parsed, names), source)
        return foreground(
            composition, creation, approve_all=approve_all, as_json=as_json, quiet=quiet
        )


class _Creation:
    """Creates the chosen runs of a file."""

    def __init__(
        self, composition: Composition, file: Path, runs: Sequence[ParsedRun], source: Source
    ) -> None:
        self._composition = composition
        self._runs = runs
        self._directory = project_directory(file)
        self._source = source

    def __call__(self, owner: str) -> list[tuple[Run, RunConfig]]:
        environment = self._environment()
        return [self._create(parsed, environment, owner) for parsed in self._runs]

    def _create(
        self, parsed: ParsedRun, environment: Mapping[str, str], owner: str
    ) -> tuple[Run, RunConfig]:
        own = self._composition
        config = resolve(parsed, new_id=own.clock.new_id, environment=environment)
        group = f"/project/{project_id(self._directory)}/run/{parsed.name}"
        run = new_run(config, run_id=own.clock.new_id(), group=group)
        return own.creation.add(config, run, owner), config

    def _environment(self) -> dict[str, str]:
        """Return the variables of every run: where its sources are, if a task wants to clone them."""
        environment = {"CI": "true", "OSTLER": "true"}
        clones = any(step.type == "clone" for parsed in self._runs for step in parsed.steps())
        top = toplevel(self._directory)
        if top is None:
            return environment
        source = self._source
        named = {"BRANCH": source.branch, "TAG": source.tag, "REF": source.ref}
        environment |= {f"OSTLER_{name}": value for name, value in named.items() if value}
        if clones:
            environment["OSTLER_REPOSITORY_URL"] = str(top)
            environment["OSTLER_COMMIT"] = snapshot(top)
        return environment


def project_directory(file: Path) -> Path:
    """Return the directory that a run config is about: its own, or the one that ``.agola`` is in."""
    directory = file.resolve().parent
    return directory.parent if directory.name == ".agola" else directory


def project_id(directory: Path) -> str:
    """Return a project's id: its directory's name and a hash of the whole path."""
    digest = hashlib.sha256(str(directory).encode()).hexdigest()
    return f"{directory.name or 'root'}-{digest[:8]}"


def _locate(path: str) -> Path:
    found = Path(path)
    if not found.exists():
        raise NotFound(f"there is no file or directory {path}")
    return find_config(found) if found.is_dir() else found


def _chosen(parsed: ConfigFile, names: Sequence[str]) -> list[ParsedRun]:
    known = [run.name for run in parsed.runs]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadRequest(f"there is no run {unknown[0]!r} in this file; it has {', '.join(known)}")
    wanted = [run for run in parsed.runs if not names or run.name in names]
    for run in wanted:
        if not run.matches:
            say(f"run {run.name!r}: left out, its `when` does not match")
    return [run for run in wanted if run.matches]
