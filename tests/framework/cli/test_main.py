from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from ostler import __version__, errors
from ostler.cli import main
from ostler.cli._exit import Exit
from ostler.cli._group import COMMANDS
from ostler.cli._main import run
from ostler.cli._options import Instance, instance_options, json_option
from ostler.cli._output import print_table

Install = Callable[..., None]

COMMAND = """
import click
from ostler.errors import {error}
from ostler.spi import hookimpl
ostler_spi_version = (1, 0)

@click.command("frobnicate")
def command():
    {body}

@hookimpl
def ostler_commands():
    return [command]
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTLER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def _plugin(body: str = "click.echo('frobnicated')", error: str = "Error") -> dict[str, str]:
    return {"acme": COMMAND.format(body=body, error=error)}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: ostler {name} ")


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []


def test_help_imports_nothing_that_it_does_not_need() -> None:
    script = (
        "import sys; from ostler.cli import main; main(['--help']);"
        "heavy = ('pydantic', 'rich', 'pluggy', 'yaml', 'importlib.metadata', 'sqlite3');"
        "ours = [m for m in sys.modules if m.startswith('ostler')];"
        "print([m for m in heavy if m in sys.modules], sorted(ours), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    modules = ("_exit", "_group", "_lazy", "_main")
    expected = ["ostler", "ostler.cli", *(f"ostler.cli.{module}" for module in modules)]
    assert done.stderr == f"[] {expected}\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ostler {__version__}\n"


def test_python_m_ostler_is_ostler() -> None:
    done = subprocess.run([sys.executable, "-m", "ostler", "--version"], capture_output=True)
    assert done.stdout.decode() == f"ostler {__version__}\n"


@pytest.mark.parametrize(
    ("words", "nearest"), [(["docter"], "doctor"), (["storage", "snyc"], "sync")]
)
def test_an_unknown_command_is_told_with_the_nearest_name(
    words: list[str], nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == Exit.USAGE
    streams = capsys.readouterr()
    assert streams.out == ""
    assert f"there is no command {words[-1]!r} (did you mean {nearest!r}?)" in streams.err


def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "list", "--lod"]) == Exit.USAGE
    assert "--load" in capsys.readouterr().err


def test_a_plugin_adds_a_command(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", _plugin())
    assert main(["frobnicate"]) == 0
    assert capsys.readouterr().out == "frobnicated\n"


def test_two_plugins_with_one_command_are_both_named(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _plugin()["acme"]
    install("acme", {"one": source, "two": source})
    assert main(["frobnicate"]) == Exit.USAGE
    assert "the command 'frobnicate' comes from plugins 'one' and 'two'" in (
        capsys.readouterr().err
    )


def test_what_is_no_command_is_told_with_the_plugin(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("acme", {"acme": _plugin()["acme"].replace("[command]", "[7]")})
    assert main(["frobnicate"]) == Exit.INFRASTRUCTURE
    assert "hook 'ostler_commands' of plugin 'acme'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("BadRequest", Exit.USAGE),
        ("Unauthorized", Exit.USAGE),
        ("Forbidden", Exit.USAGE),
        ("NotFound", Exit.USAGE),
        ("Conflict", Exit.USAGE),
        ("Compacted", Exit.USAGE),
        ("Unavailable", Exit.INFRASTRUCTURE),
        ("Unknown", Exit.INFRASTRUCTURE),
        ("Internal", Exit.INFRASTRUCTURE),
    ],
)
def test_a_typed_error_is_one_line_and_an_exit_code(
    install: Install, capsys: pytest.CaptureFixture[str], error: str, code: Exit
) -> None:
    assert error in errors.__all__
    install("acme", _plugin(f"raise {error}('it is so')", error))
    assert main(["frobnicate"]) == code
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("", "error: it is so\n")


def test_causes_are_told_and_the_innermost_decides(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    body = (
        "from ostler.errors import Internal\n"
        "    try:\n"
        "        raise Unavailable('the store is down')\n"
        "    except Unavailable as error:\n"
        "        raise Internal('runs cannot be listed') from error"
    )
    install("acme", _plugin(body, "Unavailable"))
    assert main(["frobnicate"]) == Exit.INFRASTRUCTURE
    expected = "error: runs cannot be listed\n  because: the store is down\n"
    assert capsys.readouterr().err == expected


def test_cancelled_means_stopped(install: Install) -> None:
    install("acme", _plugin("raise Conflict('stopped', code='cancelled')", "Conflict"))
    assert main(["frobnicate"]) == Exit.STOPPED


def test_a_defect_has_an_id_and_its_traceback_is_kept(
    install: Install, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    install("acme", _plugin("1 / 0"))
    assert main(["frobnicate"]) == Exit.INFRASTRUCTURE
    shown = capsys.readouterr().err
    (kept,) = (tmp_path / "home" / "crashes").iterdir()
    assert f"error: ostler has a defect (ZeroDivisionError); id {kept.stem}\n" in shown
    assert f"the traceback is in {kept}" in shown
    assert "Traceback" not in shown
    assert "ZeroDivisionError: division by zero" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_defect_is_shown_where_it_cannot_be_kept(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("acme", _plugin("1 / 0"))
    monkeypatch.setenv("OSTLER_HOME", "/dev/null/home")
    assert main(["frobnicate"]) == Exit.INFRASTRUCTURE
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in shown
    assert "\n  the traceback could not be kept in a file: " in shown
    assert "/dev/null" in shown.splitlines()[-1]


@pytest.mark.parametrize("by", ["option", "variable"])
def test_debug_shows_tracebacks(
    install: Install,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    by: str,
) -> None:
    install("acme", _plugin("1 / 0"))
    if by == "variable":
        monkeypatch.setenv("OSTLER_DEBUG", "1")
    assert main([*(["--debug"] if by == "option" else []), "frobnicate"]) == Exit.INFRASTRUCTURE
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_an_interrupt_is_stopped(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", _plugin("raise KeyboardInterrupt"))
    assert main(["frobnicate"]) == Exit.STOPPED
    assert capsys.readouterr().err.strip() == "stopped"


def test_a_command_returns_its_exit_code(install: Install) -> None:
    install("acme", _plugin("return 3"))
    assert main(["frobnicate"]) == 3


@pytest.mark.parametrize("arguments", [["--help"], ["plugins", "list", "--json"]])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str], tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    environ = {**os.environ, "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-m", "ostler", *arguments]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, env=environ)
    os.close(write)
    assert (done.returncode, done.stderr) == (Exit.BROKEN_PIPE, b"")


@click.command()
@instance_options
@json_option
def _probe(instance: Instance, as_json: bool) -> None:
    settings = instance.settings(jobs=7)
    shown = {key: settings.origin(key) for key in ("home", "storage", "kv", "executor", "jobs")}
    click.echo(json.dumps([as_json, settings.home, settings.storage, shown]))


def test_common_options_become_settings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text("executor = 'x'")
    group = click.Group(commands={"probe": _probe})
    options = ["--settings", str(file), "--storage", "memory://", "--home", "/srv/o", "--json"]
    assert run(group, ["probe", *options]) == 0
    origins = {
        "home": "--home",
        "storage": "--storage",
        "kv": "default",
        "executor": str(file),
        "jobs": "--jobs",
    }
    assert json.loads(capsys.readouterr().out) == [True, "/srv/o", "memory://", origins]


def test_a_table_is_plain_and_aligned_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("name", "count"), [("a", 1), ("longer", None)])
    assert capsys.readouterr().out == "NAME    COUNT\na       1\nlonger\n"


def test_a_table_on_a_terminal_has_every_cell() -> None:
    script = (
        "from ostler.cli._output import print_table;"
        "print_table(('name', 'count'), [('[bold]a', 1), ('b', 2)])"
    )
    assert _on_a_terminal(sys.executable, "-c", script).split() == [
        *("NAME", "COUNT"),
        *("[bold]a", "1"),
        *("b", "2"),
    ]


def _on_a_terminal(*command: str) -> str:
    """Return what a command prints on a terminal, without what colours it."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "dumb", "NO_COLOR": "1"}
    subprocess.run(command, stdout=theirs, check=True, env=environ)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        return terminal.read(65536).decode()
