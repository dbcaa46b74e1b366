from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from ostler.errors import Internal
from ostler.host import Host

Install = Callable[..., None]

HEAD = """
from ostler.spi import hookimpl
ostler_spi_version = (1, 0)
"""


def _approvals(result: str, mark: str = "@hookimpl") -> str:
    return HEAD + f"{mark}\ndef ostler_required_approvals(run): return {result}\n"


def _environment(result: str, mark: str = "@hookimpl") -> str:
    return HEAD + f"{mark}\ndef ostler_task_environment(run, task): return {result}\n"


def _results(host: Host) -> list[object]:
    found = host.call("ostler_task_environment", run="the run", task="the task")
    assert isinstance(found, list)
    return found


def test_results_come_in_the_order_of_names(install: Install) -> None:
    install("acme", {name: _environment(repr({name: task})) for task, name in enumerate("cab")})
    assert _results(Host.discover()) == [{"a": 1}, {"b": 2}, {"c": 0}]


def test_a_plugin_may_go_first_or_last(install: Install) -> None:
    marks = {"a": "@hookimpl(trylast=True)", "b": "@hookimpl", "c": "@hookimpl(tryfirst=True)"}
    install("acme", {name: _environment(f"'{name}'", mark) for name, mark in marks.items()})
    assert _results(Host.discover()) == ["c", "b", "a"]


def test_implementations_get_what_they_ask_for(install: Install) -> None:
    install(
        "acme",
        {
            "none": HEAD + "@hookimpl\ndef ostler_task_environment(): return 'nothing'\n",
            "one": HEAD + "@hookimpl\ndef ostler_task_environment(task): return task\n",
        },
    )
    assert _results(Host.discover()) == ["nothing", "the task"]


def test_none_is_no_result(install: Install) -> None:
    install("acme", {"a": _environment("None"), "b": _environment("{}")})
    assert _results(Host.discover()) == [{}]


def test_the_first_result_ends_a_first_result_hook(install: Install) -> None:
    install("acme", {"a": _approvals("None"), "b": _approvals("2"), "c": _approvals("1 / 0")})
    host = Host.discover()
    assert host.call("ostler_required_approvals", run=None, task=None) == 2
    assert [item for item in host.problems() if item.hook] == []


def test_without_an_opinion_the_first_result_is_none(install: Install) -> None:
    install("acme", {"a": _approvals("None")})
    assert Host.discover().call("ostler_required_approvals", run=None, task=None) is None


def test_one_that_raises_is_reported_and_the_rest_goes_on(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("acme", {"a": _environment("1 / 0"), "b": _environment("{'B': '1'}")})
    host = Host.discover()
    with caplog.at_level(logging.WARNING, "ostler.host"):
        results = [_results(host) for _ in range(3)]
    assert results == [[{"B": "1"}]] * 3
    (problem,) = [item for item in host.problems() if item.hook]
    assert (problem.plugin, problem.hook) == ("a", "ostler_task_environment")
    expected = "hook 'ostler_task_environment' of plugin 'a' raised ZeroDivisionError"
    assert expected in problem.message
    assert len([item for item in caplog.records if expected in item.getMessage()]) == 1


def test_a_first_result_hook_goes_on_after_one_that_raises(install: Install) -> None:
    install("acme", {"a": _approvals("1 / 0"), "b": _approvals("3")})
    assert Host.discover().call("ostler_required_approvals", run=None, task=None) == 3


def test_strict_raises_what_an_implementation_raised(install: Install) -> None:
    install("acme", {"a": _environment("1 / 0")})
    others = [item.name for item in Host.discover().plugins() if item.name != "a"]
    host = Host.discover(disabled=others, strict=True)
    with pytest.raises(Internal, match="of plugin 'a' raised ZeroDivisionError") as caught:
        _results(host)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_results_are_told_with_their_plugins(install: Install) -> None:
    install("acme", {"a": _environment("1"), "b": _environment("2")})
    pairs = Host.discover().call_each("ostler_task_environment", run=None, task=None)
    assert pairs == [("a", 1), ("b", 2)]


def test_a_hook_that_does_not_exist_is_a_defect() -> None:
    with pytest.raises(Internal, match=r"no hook 'ostler_stores' \(did you mean"):
        Host.discover().call("ostler_stores")


def test_wrong_arguments_of_a_call_are_a_defect() -> None:
    with pytest.raises(Internal, match=r"called with \['evt'\]; it takes event"):
        Host.discover().call("ostler_run_event", evt=1)
