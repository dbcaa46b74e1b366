from __future__ import annotations

from collections.abc import Callable

import pytest

from ostler.errors import Conflict
from ostler.host import Host, Plugin, State

Install = Callable[..., None]

HEAD = """
from ostler.spi import hookimpl, StorageType
ostler_spi_version = (1, 0)
"""
STORAGE = HEAD + (
    "@hookimpl\n"
    "def ostler_storages():\n"
    "    return [StorageType(name='good', summary='', schemes=('good',),"
    " settings='m:S', factory='m:f')]\n"
)

BROKEN = {
    "raises-on-import": (
        "1 / 0",
        State.FAILED,
        ["importing 'fake_acme_subject' raised ZeroDivisionError"],
    ),
    "exits-on-import": (
        "import sys; sys.exit(3)",
        State.FAILED,
        ["importing 'fake_acme_subject' raised SystemExit: 3"],
    ),
    "missing-dependency": (
        "import no_such_library",
        State.FAILED,
        ["ModuleNotFoundError", "no_such_library"],
    ),
    "name-of-a-later-interface": (
        "from ostler.spi.storage import Telepathy",
        State.FAILED,
        ["cannot import name 'Telepathy'", "written for a later Ostler"],
    ),
    "misspelt-hook": (
        HEAD + "@hookimpl\ndef ostler_storage(): return []",
        State.FAILED,
        ["no hook 'ostler_storage'", "did you mean 'ostler_storages'?"],
    ),
    "misspelt-hook-not-marked": (
        HEAD + "def ostler_storagez(): return []",
        State.FAILED,
        ["no hook 'ostler_storagez'", "did you mean 'ostler_storages'?"],
    ),
    "hook-not-marked": (
        HEAD + "def ostler_storages(): return []",
        State.FAILED,
        ["'ostler_storages' is not marked with @hookimpl"],
    ),
    "wrong-argument": (
        HEAD + "@hookimpl\ndef ostler_run_event(evnt): ...",
        State.FAILED,
        ["hook 'ostler_run_event' has no argument 'evnt'", "did you mean 'event'?"],
    ),
    "argument-where-there-is-none": (
        HEAD + "@hookimpl\ndef ostler_storages(settings): return []",
        State.FAILED,
        ["hook 'ostler_storages' has no argument 'settings' (it has none)"],
    ),
    "keyword-only-argument": (
        HEAD + "@hookimpl\ndef ostler_run_event(*, event): ...",
        State.FAILED,
        ["argument 'event' of hook 'ostler_run_event' must be an ordinary one"],
    ),
    "wrapper": (
        HEAD + "@hookimpl(wrapper=True)\ndef ostler_storages(): return (yield)",
        State.FAILED,
        ["hook 'ostler_storages' is a wrapper"],
    ),
    "coroutine": (
        HEAD + "@hookimpl\nasync def ostler_storages(): return []",
        State.FAILED,
        ["hook 'ostler_storages' is a coroutine"],
    ),
    "no-version": (
        "from ostler.spi import hookimpl",
        State.FAILED,
        ["does not say which plugin interface", "ostler_spi_version = (1, 0)"],
    ),
    "malformed-version": (
        "ostler_spi_version = '1.0'",
        State.FAILED,
        ["ostler_spi_version is '1.0', not a pair like (1, 0)"],
    ),
    "later-major": (
        "ostler_spi_version = (2, 0)",
        State.INCOMPATIBLE,
        ["written for plugin interface 2.0", "serves 1.0 to 1.0", "upgrade ostler"],
    ),
    "later-minor": (
        "ostler_spi_version = (1, 7)",
        State.INCOMPATIBLE,
        ["written for plugin interface 1.7", "upgrade ostler"],
    ),
    "earlier-major": (
        "ostler_spi_version = (0, 9)",
        State.INCOMPATIBLE,
        ["written for plugin interface 0.9", "upgrade acme"],
    ),
    "hook-raises": (
        HEAD + "@hookimpl\ndef ostler_storages(): raise KeyError('x')",
        State.FAILED,
        ["hook 'ostler_storages' raised KeyError: 'x'"],
    ),
    "hook-returns-nothing": (
        HEAD + "@hookimpl\ndef ostler_kvs(): ...",
        State.FAILED,
        ["hook 'ostler_kvs' returned None, not a list"],
    ),
    "hook-returns-a-string": (
        HEAD + "@hookimpl\ndef ostler_kvs(): return 'sqlite'",
        State.FAILED,
        ["hook 'ostler_kvs' returned a str, not a list"],
    ),
    "hook-returns-another-kind": (
        STORAGE.replace("ostler_storages", "ostler_kvs"),
        State.FAILED,
        ["item 0 of hook 'ostler_kvs' is a StorageType, not a KvType"],
    ),
    "malformed-name": (
        STORAGE.replace("name='good'", "name='Not Good'"),
        State.FAILED,
        ["item 0 of hook 'ostler_storages': the name 'Not Good' does not match"],
    ),
    "malformed-reference": (
        STORAGE.replace("'m:f'", "'m.f'"),
        State.FAILED,
        ["factory of 'good' is 'm.f', not 'package.module:attribute'"],
    ),
    "schemes-is-a-string": (
        STORAGE.replace("('good',)", "'good'"),
        State.FAILED,
        ["""scheme "'good'" of 'good' does not match"""],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_reported_and_the_others_go_on(install: Install, case: str) -> None:
    source, state, expected = BROKEN[case]
    install("acme", {"subject": source, "neighbour": STORAGE})
    host = Host.discover().load()
    (plugin,) = host.plugin("subject")
    assert plugin.state is state
    told = f"{plugin.reason}; {plugin.remedy}"
    assert [text for text in expected if text not in told] == [], told
    assert plugin.remedy
    assert host.plugin("neighbour")[0].state is State.OK
    assert host.storages()["good"].plugin == "neighbour"
    assert [item.plugin for item in host.problems() if item.plugin == "subject"] == ["subject"]


@pytest.mark.parametrize("case", BROKEN)
def test_strict_makes_it_an_error(install: Install, case: str) -> None:
    source, _, expected = BROKEN[case]
    install("acme", {"subject": source})
    host = Host.discover(disabled=_others(), strict=True)
    with pytest.raises(Conflict) as caught:
        host.load()
    assert "plugin 'subject' (acme 1.0)" in caught.value.message
    assert expected[0] in caught.value.message


def test_several_faults_are_told_together(install: Install) -> None:
    install(
        "acme",
        {
            "subject": HEAD + "@hookimpl\ndef ostler_storage(): return []\n"
            "@hookimpl\ndef ostler_run_event(evnt, more): ..."
        },
    )
    reason = _load("subject").reason
    assert [text for text in ("ostler_storage'", "'evnt'", "'more'") if text not in reason] == []


def test_the_cause_is_kept_for_those_who_mend_it(install: Install) -> None:
    install("acme", {"subject": "1 / 0"})
    host = Host.discover().load()
    assert isinstance(host.cause(host.plugin("subject")[0]), ZeroDivisionError)


def test_a_good_plugin_tells_its_version_and_hooks(install: Install) -> None:
    install("acme", {"subject": STORAGE})
    plugin = _load("subject")
    assert (plugin.state, plugin.spi_version, plugin.hooks) == (
        State.OK,
        (1, 0),
        ("ostler_storages",),
    )


def test_a_declaration_may_be_an_object(install: Install) -> None:
    source = HEAD + (
        "class Declaration:\n"
        "    ostler_spi_version = (1, 0)\n"
        "    @hookimpl\n"
        "    def ostler_storages(self):\n"
        "        return []\n"
        "declaration = Declaration()\n"
    )
    install("acme", {"module": source})
    install("other", {}, entry_points="[ostler.plugins]\nobject = fake_acme_module:declaration\n")
    assert _load("object").state is State.OK


def test_a_hook_may_have_another_name_or_be_optional(install: Install) -> None:
    source = HEAD + (
        "@hookimpl(specname='ostler_storages')\n"
        "def storages():\n"
        "    return []\n"
        "@hookimpl(optionalhook=True)\n"
        "def ostler_hook_of_a_later_version(): ...\n"
    )
    install("acme", {"subject": source})
    plugin = _load("subject")
    assert (plugin.state, plugin.hooks) == (State.OK, ("ostler_storages",))


def test_a_plugin_that_fails_late_offers_nothing(install: Install) -> None:
    source = STORAGE + "@hookimpl\ndef ostler_kvs(): return 7\n"
    install("acme", {"subject": source + "@hookimpl\ndef ostler_run_event(event): 1 / 0\n"})
    host = Host.discover(disabled=_others()).load()
    assert host.plugin("subject")[0].state is State.FAILED
    assert dict(host.storages()) == {}
    host.call("ostler_run_event", event=None)
    assert [item.hook for item in host.problems()] == [""]


def _load(name: str) -> Plugin:
    (plugin,) = Host.discover().load().plugin(name)
    return plugin


def _others() -> list[str]:
    """Return the plugins that are not the test's, which may be in any state while they are written."""
    return [item.name for item in Host.discover().plugins() if not item.target.startswith("fake_")]
