from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from ostler.errors import Conflict, NotFound
from ostler.host import Host, State

Install = Callable[..., None]
GOOD = "ostler_spi_version = (1, 0)\n"


def test_a_plugin_is_found_with_its_distribution(install: Install) -> None:
    install("acme-ostler", {"acme": GOOD}, version="2.5")
    (plugin,) = Host.discover().plugin("acme")
    assert (plugin.name, plugin.distribution, plugin.version, plugin.state) == (
        "acme",
        "acme-ostler",
        "2.5",
        State.DISCOVERED,
    )


def test_discovery_imports_no_plugin(install: Install) -> None:
    install("acme", {"loud": "raise SystemExit('imported')"})
    (plugin,) = Host.discover().plugin("loud")
    assert plugin.state is State.DISCOVERED
    assert plugin.target not in sys.modules


def test_discovery_needs_no_pydantic() -> None:
    script = (
        "import sys; from ostler.host import Host; Host.discover().plugins();"
        "print(sorted({'pydantic', 'ostler_posix', 'ostler_steps'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_plugins_of_the_distribution_itself_are_found_like_any_other() -> None:
    names = [plugin.name for plugin in Host.discover().plugins()]
    assert {"local", "memory", "posix", "sqlite", "steps"} <= set(names)
    assert names == sorted(names)


def test_two_distributions_with_one_name_are_both_named(install: Install) -> None:
    install("acme", {"twin": GOOD})
    install("zenith", {"twin": GOOD}, version="3")
    first, second = Host.discover().load().plugin("twin")
    assert (first.state, second.state) == (State.DUPLICATE, State.DUPLICATE)
    for plugin in (first, second):
        assert "acme 1.0" in plugin.reason
        assert "zenith 3" in plugin.reason
        assert "plugins.prefer.twin" in plugin.remedy


def test_the_settings_choose_between_duplicates(install: Install) -> None:
    install("acme", {"twin": GOOD})
    install("Zenith.Tools", {"twin": GOOD})
    host = Host.discover(prefer={"twin": "zenith-tools"}).load()
    states = {plugin.distribution: plugin.state for plugin in host.plugin("twin")}
    assert states == {"acme": State.DISABLED, "Zenith.Tools": State.OK}


def test_a_preferred_distribution_that_is_not_there_is_told(install: Install) -> None:
    install("acme", {"only": GOOD})
    (plugin,) = Host.discover(prefer={"only": "missing"}).plugin("only")
    assert plugin.state is State.DISABLED
    assert "'missing', which offers no such plugin here" in plugin.reason


def test_one_distribution_with_a_name_twice_is_a_duplicate(install: Install) -> None:
    install("acme", {}, entry_points="[ostler.plugins]\ntwin = one\ntwin = two\n")
    states = {plugin.target: plugin.state for plugin in Host.discover().plugin("twin")}
    assert states == {"one": State.DUPLICATE, "two": State.DUPLICATE}


def test_a_disabled_plugin_is_never_imported(install: Install) -> None:
    install("acme", {"off": "raise RuntimeError"})
    (plugin,) = Host.discover(disabled=["off"]).load().plugin("off")
    assert plugin.state is State.DISABLED
    assert "plugins.disabled" in plugin.remedy


def test_a_distribution_on_the_path_twice_counts_once(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("acme", {"good": GOOD})
    monkeypatch.setattr(sys, "path", [sys.path[0], *sys.path])
    (plugin,) = Host.discover().plugin("good")
    assert plugin.state is State.DISCOVERED


def test_entry_points_that_cannot_be_read_leave_the_others_alone(install: Install) -> None:
    install("broken", {}, entry_points="[ostler.plugins]\nno equals sign\n")
    install("acme", {"good": GOOD})
    host = Host.discover().load()
    assert host.plugin("good")[0].state is State.OK
    (problem,) = [problem for problem in host.problems() if problem.plugin == "broken"]
    assert "entry points of distribution 'broken' cannot be read" in problem.message


def test_an_unknown_plugin_is_told_with_the_nearest_name(install: Install) -> None:
    install("acme", {"frobnicate": GOOD})
    with pytest.raises(NotFound, match=r"no plugin 'frobnicat' \(did you mean 'frobnicate'\?\)"):
        Host.discover().plugin("frobnicat")


def test_strict_refuses_duplicates_at_once(install: Install) -> None:
    install("acme", {"twin": GOOD})
    install("zenith", {"twin": GOOD})
    with pytest.raises(Conflict, match=r"plugins\.strict"):
        Host.discover(strict=True)
