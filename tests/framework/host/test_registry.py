from __future__ import annotations

from collections.abc import Callable
from importlib import metadata

import pytest

from ostler.errors import Conflict, NotFound
from ostler.host import Host

Install = Callable[..., None]


def _storage(name: str, *schemes: str) -> str:
    return (
        "from ostler.spi import hookimpl, StorageType\n"
        "ostler_spi_version = (1, 0)\n"
        "@hookimpl\n"
        "def ostler_storages():\n"
        f"    return [StorageType(name={name!r}, summary='', schemes={schemes!r},"
        " settings='m:S', factory='m:f')]\n"
    )


def _host(*, disabled: tuple[str, ...] = ()) -> Host:
    """Return a host that knows the test's plugins only."""
    return Host.discover(disabled=[*_ours(), *disabled])


def _ours() -> list[str]:
    """Return the plugins of our own distributions, as far as they are installed here."""
    plugins = Host.discover().plugins()
    return [item.name for item in plugins if item.distribution.partition("-")[0] == "ostler"]


def test_a_type_is_found_by_name_and_by_scheme(install: Install) -> None:
    install("acme", {"vault": _storage("vault", "vault", "vaults")})
    host = _host()
    assert host.storage("vault") is host.storages()["vault"]
    assert host.storage_for_scheme("vaults").type.name == "vault"
    assert host.storage("vault").plugin == "vault"


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("many+gs", "family"),
        ("many+a+b", "family"),
        ("many+sub+x", "inner"),
        ("many+own", "own"),
        ("many+own+x", "family"),
    ],
)
def test_a_family_serves_the_schemes_that_nobody_names(
    install: Install, scheme: str, expected: str
) -> None:
    sources = {
        "one": _storage("family", "many+"),
        "two": _storage("inner", "many+sub+"),
        "three": _storage("own", "many+own"),
    }
    install("acme", sources)
    assert _host().storage_for_scheme(scheme).type.name == expected


@pytest.mark.parametrize("scheme", ["many", "manyx", "other+gs"])
def test_a_family_serves_no_other_scheme(install: Install, scheme: str) -> None:
    install("acme", {"one": _storage("family", "many+")})
    with pytest.raises(NotFound, match="no storage for URLs that begin with"):
        _host().storage_for_scheme(scheme)


def test_two_types_with_one_family_clash(install: Install) -> None:
    install("acme", {"one": _storage("first", "x+"), "two": _storage("second", "x+")})
    with pytest.raises(Conflict, match="several plugins offer"):
        _host().storage_for_scheme("x+y")


def test_what_is_missing_is_told_with_what_there_is(install: Install) -> None:
    install("acme", {"vault": _storage("vault", "vault")})
    with pytest.raises(NotFound) as caught:
        _host().storage("nowhere")
    assert caught.value.message == "no storage 'nowhere' is installed; installed: vault"


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda host: host.storage_for_scheme("s3"), "pip install ostler-s3"),
        (lambda host: host.storage_for_scheme("fsspec+gs"), "pip install ostler-fsspec"),
        (lambda host: host.kv("etcd"), "pip install ostler-etcd"),
        (lambda host: host.executor("docker"), "pip install ostler-docker"),
        (lambda host: host.executor("k8s"), "pip install ostler-k8s"),
    ],
)
def test_what_we_publish_is_told_with_how_to_install_it(
    ask: Callable[[Host], object], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "distributions", lambda: ())  # some of them are installed here
    with pytest.raises(NotFound, match=expected):
        ask(_host())


def test_a_type_of_a_plugin_that_is_not_ok_is_told_with_the_reason(install: Install) -> None:
    install("acme", {"vault": "1 / 0"})
    with pytest.raises(NotFound, match="plugin 'vault' failed: importing"):
        _host().storage("vault")
    with pytest.raises(NotFound, match="plugin 'vault' is disabled: the settings disable it"):
        _host(disabled=("vault",)).storage("vault")


def test_two_plugins_with_one_type_are_both_named(install: Install) -> None:
    install("acme", {"one": _storage("vault", "a"), "three": _storage("other", "c")})
    install("zenith", {"two": _storage("vault", "b")})
    host = _host()
    with pytest.raises(Conflict) as caught:
        host.storage("vault")
    expected = "several plugins offer the storage 'vault': 'one' (acme 1.0) and 'two' (zenith 1.0)"
    assert expected in caught.value.message
    assert list(host.storages()) == ["other"]
    assert [str(item) for item in host.problems()] == [caught.value.message]


def test_two_types_with_one_scheme_clash_in_it_only(install: Install) -> None:
    install("acme", {"one": _storage("first", "x"), "two": _storage("second", "x", "y")})
    host = _host()
    with pytest.raises(Conflict, match="begin with 'x:'"):
        host.storage_for_scheme("x")
    assert host.storage_for_scheme("y").type.name == "second"
    assert list(host.storages()) == ["first", "second"]
    assert len(host.problems()) == 1


def test_a_clash_is_settled_by_disabling_one(install: Install) -> None:
    install("acme", {"one": _storage("vault", "v"), "two": _storage("vault", "v")})
    assert _host(disabled=("one",)).storage("vault").plugin == "two"


def test_strict_refuses_a_clash(install: Install) -> None:
    install("acme", {"one": _storage("vault", "v"), "two": _storage("vault", "v")})
    with pytest.raises(Conflict, match=r"plugins\.strict"):
        Host.discover(disabled=_ours(), strict=True).load()
