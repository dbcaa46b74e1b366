"""``ostler plugins``: list, show, check and make plugins."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ostler.host import Host, Plugin
from ostler.settings import discover_host

from . import _plugin_check, _plugin_facts
from ._exit import Exit
from ._options import Instance, instance_options, json_option
from ._output import print_json, print_table, say

__all__ = ["command"]


@click.group("plugins")
def command() -> None:
    """List, show, check and make plugins."""


@command.command("list")
@click.option("--load", is_flag=True, help="Import the plugins too, to see which ones work.")
@instance_options
@json_option
def list_command(instance: Instance, load: bool, as_json: bool) -> None:
    """List the installed plugins.

    Nothing of them is imported, unless --load is given: "discovered" means that the metadata show
    nothing wrong.
    """
    host = _host(instance)
    if load:
        host.load()
    if as_json:
        listed = [_plugin_facts.plugin_as_json(plugin) for plugin in host.plugins()]
        print_json({"plugins": listed, "problems": _plugin_facts.problems_as_json(host)})
    else:
        _print_list(host)


@command.command("show")
@click.argument("name")
@instance_options
@json_option
def show_command(instance: Instance, name: str, as_json: bool) -> None:
    """Show a plugin: its state, its hooks, and the types that it offers with their settings."""
    host = _host(instance).load()
    shown = [_plugin_facts.details_as_json(host, plugin) for plugin in host.plugin(name)]
    if as_json:
        print_json({"plugins": shown})
    else:
        for details in shown:
            _plugin_facts.print_details(details)


@command.command("check")
@click.argument("name")
@click.option("--type", "only", metavar="NAME", help="Check this type only.")
@click.option("--url", help="A storage or store to check, empty and for nothing else.")
@click.option(
    "--set", "fields", metavar="KEY=VALUE", multiple=True, help="A setting of the type; repeatable."
)
@click.option("--image", default="", help="Image for the pods of an executor that needs one.")
@instance_options
@json_option
def check_command(
    instance: Instance,
    name: str,
    only: str | None,
    url: str | None,
    fields: Sequence[str],
    image: str,
    as_json: bool,
) -> int:
    """Run the conformance kits on what a plugin offers.

    Types that need no more than a path get a temporary one; for others say --url or --set. The exit
    code is 2 when a check fails.
    """
    settings = instance.settings(**{"plugins.allow_unselectable": True})
    target = _plugin_check.Target(
        plugin=name, type=only, url=url, fields=tuple(fields), image=image
    )
    reports = _plugin_check.check(settings, discover_host(settings, strict=False), target)
    if as_json:
        print_json({"reports": [_plugin_check.report_as_json(report) for report in reports]})
    else:
        for report in reports:
            click.echo(str(report))
    return Exit.SUCCESS if all(report.ok for report in reports) else Exit.USAGE


@command.command("new")
@click.argument("name")
@click.option(
    "--directory", metavar="PATH", help="Where to write it; else ./ostler-NAME.", default=None
)
def new_command(name: str, directory: str | None) -> None:
    """Write a package for a plugin NAME: a storage in one module, and the test that checks it."""
    from ._scaffold import write

    written = write(name, directory or f"ostler-{name}")
    for path in written:
        click.echo(path)
    say(f"next: pip install -e {directory or f'ostler-{name}'}, then ostler plugins check {name}")


def _host(instance: Instance) -> Host:
    # To look at broken plugins is what these commands are for.
    return discover_host(instance.settings(), strict=False)


def _print_list(host: Host) -> None:
    plugins = host.plugins()
    if not plugins:
        say("there are no plugins: without them nothing can run; try: pip install ostler")
        return
    print_table(
        ("name", "version", "distribution", "state", "reason"), [_row(item) for item in plugins]
    )
    for problem in host.problems():
        say(f"problem: {problem}")


def _row(plugin: Plugin) -> tuple[str, ...]:
    return plugin.name, plugin.version, plugin.distribution, plugin.state.value, plugin.reason
