"""Running the conformance kits on the types of a plugin."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ostler.clock import SystemClock
from ostler.errors import BadRequest, NotFound
from ostler.host import Host, Offered, State
from ostler.settings import Resolved, Settings, resolve_executor, resolve_kv, resolve_storage
from ostler.spi.executor import ExecutorContext
from ostler.spi.info import load_reference

if TYPE_CHECKING:
    from ostler.testing.report import Report

__all__ = ["Target", "check", "report_as_json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to check.

    :param type: one of the plugin's types; None: all.
    :param url: of what to check; not together with ``fields``.
    :param fields: ``key=value`` each, of the type's settings.
    :param image: for the pods of an executor that needs one.
    """

    plugin: str
    type: str | None = None
    url: str | None = None
    fields: tuple[str, ...] = ()
    image: str = ""


@dataclass(frozen=True, slots=True)
class _Kit:
    setting: str
    module: str
    offered: Callable[[Host], Mapping[str, Offered[Any]]]
    resolve: Callable[[Settings, Host], Resolved[Any]]


_KITS = (
    _Kit("storage", "ostler.testing.storage", lambda host: host.storages(), resolve_storage),
    _Kit("kv", "ostler.testing.kv", lambda host: host.kvs(), resolve_kv),
    _Kit("executor", "ostler.testing.executor", lambda host: host.executors(), resolve_executor),
)


def check(settings: Settings, host: Host, target: Target) -> list[Report]:
    """Run the kits; each type is checked in a temporary directory of its own.

    :raises NotFound: there is no such plugin, or it offers no such type.
    :raises BadRequest: the plugin is not ok, or the type needs settings that were not given.
    """
    _refuse_broken(host, target.plugin)
    chosen = [
        (kit, name)
        for kit in _KITS
        for name, offered in kit.offered(host).items()
        if offered.plugin == target.plugin and target.type in (None, name)
    ]
    if not chosen:
        which = f"type {target.type!r}" if target.type else "storage, key-value store or executor"
        raise NotFound(f"plugin {target.plugin!r} offers no {which} to be checked")
    return [_check_one(kit, name, settings, host, target) for kit, name in chosen]


def report_as_json(report: Report) -> dict[str, Any]:
    """Return a report as JSON-serialisable data."""
    return {
        "subject": report.subject,
        "ok": report.ok,
        "results": [
            {"name": item.name, "ok": item.ok, "message": item.message} for item in report.results
        ],
    }


def _refuse_broken(host: Host, name: str) -> None:
    plugins = host.load().plugin(name)
    if not any(plugin.state is State.OK for plugin in plugins):
        broken = plugins[0]
        raise BadRequest(f"plugin {name!r} {broken.trouble}; {broken.remedy}")


def _check_one(kit: _Kit, name: str, settings: Settings, host: Host, target: Target) -> Report:
    with ExitStack() as stack:
        base = stack.enter_context(tempfile.TemporaryDirectory(prefix="ostler-check-"))
        resolved = _resolve(kit, name, settings, host, target, base)
        factory = resolved.factory()

        def open_driver() -> Any:
            driver = factory(resolved.settings, *_context(kit, base))
            if kit.setting == "executor":
                driver.setup()
            return driver

        run = load_reference(f"{kit.module}:run_conformance")
        report: Report = run(open_driver, **_options(kit, open_driver, target))
        return replace(report, subject=f"{kit.setting} {name}")


def _options(kit: _Kit, open_driver: Callable[[], Any], target: Target) -> dict[str, Any]:
    """Return what a kit wants to know beyond how to open a driver."""
    if kit.setting == "executor":
        return {"image": target.image}
    if kit.setting == "kv":
        with closing(open_driver()) as driver:
            return {"open_second": open_driver} if driver.capabilities.shared else {}
    return {}


def _resolve(
    kit: _Kit, name: str, settings: Settings, host: Host, target: Target, base: str
) -> Resolved[Any]:
    if target.url:
        resolved = kit.resolve(settings.choose(kit.setting, target.url, "--url"), host)
        if resolved.type.name != name:
            raise BadRequest(
                f"--url is for the {kit.setting} {resolved.type.name!r}, not {name!r}; "
                "say --type too"
            )
        return resolved
    given = _path_only(kit.offered(host)[name], f"{base}/data") | _fields(target.fields)
    chosen = settings.choose(kit.setting, {"type": name, **given}, "--set")
    return kit.resolve(chosen, host)


def _fields(pairs: tuple[str, ...]) -> dict[str, str]:
    split = [pair.partition("=") for pair in pairs]
    for key, separator, _ in split:
        if not (key and separator):
            raise BadRequest(f"--set takes KEY=VALUE, not {key!r}")
    return {key: value for key, _, value in split}


def _path_only(offered: Offered[Any], path: str) -> dict[str, str]:
    fields = load_reference(offered.type.settings).model_fields
    return {"path": path} if "path" in fields else {}


def _context(kit: _Kit, base: str) -> tuple[ExecutorContext, ...]:
    if kit.setting != "executor":
        return ()
    directory = tempfile.mkdtemp(prefix="executor-", dir=base)
    return (ExecutorContext(executor_id=SystemClock().new_id(), directory=directory),)
