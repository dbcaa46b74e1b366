from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import BadRequest, NotFound
from ostler.settings import Settings, load_settings


def _load(
    tmp_path: Path, text: str = "", environ: Mapping[str, str] | None = None, **overrides: object
) -> Settings:
    file = tmp_path / "ostler.toml"
    file.write_text(text)
    return load_settings(str(file), {"HOME": "/home/ada", **(environ or {})}, overrides)


def _faults(error: BadRequest) -> list[tuple[str, str, str]]:
    return [(item["path"], item["origin"], item["message"]) for item in error.details["errors"]]


def test_defaults(tmp_path: Path) -> None:
    settings = _load(tmp_path)
    home = "/home/ada/.local/share/ostler"
    assert settings.home == home
    assert settings.storage == {"type": "posix", "path": f"{home}/storage"}
    assert settings.kv == {"type": "sqlite", "path": f"{home}/ostler.db"}
    assert settings.executor == "local"
    assert settings.jobs == len(os.sched_getaffinity(0))
    assert (settings.approvals, settings.cache_max_age) == (1, 7 * 86400.0)
    assert settings.plugins.disabled == ()
    assert settings.origin("storage.path") == "default"


def test_the_defaults_lie_under_home(tmp_path: Path) -> None:
    settings = _load(tmp_path, environ={"OSTLER_HOME": "/srv/o"})
    assert settings.storage == {"type": "posix", "path": "/srv/o/storage"}
    assert settings.kv == {"type": "sqlite", "path": "/srv/o/ostler.db"}
    assert settings.origin("home") == "OSTLER_HOME"


def test_a_home_in_a_file_is_relative_to_the_file(tmp_path: Path) -> None:
    assert _load(tmp_path, "home = 'state'").home == f"{tmp_path}/state"


def test_options_go_over_variables_and_those_over_the_file(tmp_path: Path) -> None:
    text = "jobs = 1\napprovals = 1\nexecutor = 'one'\n[log]\nlevel = 'error'"
    environ = {"OSTLER_JOBS": "2", "OSTLER_APPROVALS": "2", "OSTLER_LOG__FORMAT": "json"}
    settings = _load(tmp_path, text, environ, jobs=3, approvals=None)
    assert (settings.jobs, settings.approvals, settings.executor) == (3, 2, "one")
    assert (settings.log.level, settings.log.format) == ("error", "json")
    origins = {
        path: settings.origin(path)
        for path in ("jobs", "approvals", "executor", "log.level", "log.format")
    }
    file = f"{tmp_path}/ostler.toml"
    assert origins == {
        "jobs": "--jobs",
        "approvals": "OSTLER_APPROVALS",
        "executor": file,
        "log.level": file,
        "log.format": "OSTLER_LOG__FORMAT",
    }


def test_a_url_replaces_a_table(tmp_path: Path) -> None:
    text = "[storage]\ntype = 's3'\nbucket = 'b'"
    settings = _load(tmp_path, text, {"OSTLER_STORAGE": "memory://"})
    assert settings.storage == "memory://"
    assert settings.origin("storage.bucket") == "OSTLER_STORAGE"


def test_a_table_with_a_type_replaces_a_table(tmp_path: Path) -> None:
    text = "[storage]\ntype = 's3'\nbucket = 'b'"
    environ = {"OSTLER_STORAGE__TYPE": "posix", "OSTLER_STORAGE__PATH": "/srv"}
    assert _load(tmp_path, text, environ).storage == {"type": "posix", "path": "/srv"}


def test_a_table_without_a_type_adds_to_the_one_below(tmp_path: Path) -> None:
    text = "[storage]\ntype = 's3'\nbucket = 'b'"
    settings = _load(tmp_path, text, {"OSTLER_STORAGE__SECRET": "x"})
    assert settings.storage == {"type": "s3", "bucket": "b", "secret": "x"}
    assert settings.origin("storage.bucket").endswith("ostler.toml")
    assert settings.origin("storage.secret") == "OSTLER_STORAGE__SECRET"


def test_variables_name_lists_and_tables(tmp_path: Path) -> None:
    environ = {
        "OSTLER_PLUGINS__DISABLED": "one, two",
        "OSTLER_PLUGINS__PREFER__POSIX": "acme",
        "OSTLER_PLUGINS__STRICT": "true",
    }
    plugins = _load(tmp_path, "[plugins]\nprefer = {kv = 'x'}", environ).plugins
    assert plugins.disabled == ("one", "two")
    assert plugins.prefer == {"kv": "x", "posix": "acme"}
    assert plugins.strict is True


def test_the_database_has_a_table_of_its_own(tmp_path: Path) -> None:
    text = '[datamanager]\ngrace = "2h"\ncheckpoint_commits = 50\n'
    settings = _load(tmp_path, text, {"OSTLER_DATAMANAGER__CHECKPOINT_INTERVAL": "90s"})
    chosen = settings.datamanager
    assert (chosen.grace, chosen.checkpoint_commits) == (7200.0, 50)
    assert (chosen.checkpoint_interval, chosen.cache_bytes) == (90.0, 32 << 20)
    assert settings.origin("datamanager.grace").endswith("ostler.toml")
    assert settings.origin("datamanager.cache_bytes") == "default"
    with pytest.raises(BadRequest) as caught:
        _load(tmp_path, "[datamanager]\ngrace = 0\nfile_sise = 1\n")
    assert {path for path, _, _ in _faults(caught.value)} == {
        "datamanager.grace",
        "datamanager.file_sise",
    }


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert _load(tmp_path, "jobs = 5", {"OSTLER_JOBS": ""}).jobs == 5


def test_variables_that_are_no_settings_are_left_alone(tmp_path: Path) -> None:
    settings = _load(tmp_path, "", {"OSTLER_DEBUG": "1", "OSTLERX": "y", "PATH": "/bin"})
    assert settings.executor == "local"


def test_every_fault_is_told_at_once_with_its_origin(tmp_path: Path) -> None:
    text = "jbos = 4\nstorage = 5\n[plugins]\nstrct = true\n[log]\nlevel = 'loud'"
    with pytest.raises(BadRequest) as caught:
        _load(tmp_path, text, {"OSTLER_APPROVALS": "none", "OSTLER_KVV": "x"}, jobs=0)
    file = f"{tmp_path}/ostler.toml"
    assert sorted(_faults(caught.value)) == [
        (
            "approvals",
            "OSTLER_APPROVALS",
            "should be a valid integer, unable to parse string as an integer",
        ),
        ("jbos", file, "there is no such setting (did you mean 'jobs'?)"),
        ("jobs", "--jobs", "should be greater than or equal to 1"),
        ("kvv", "OSTLER_KVV", "there is no such setting (did you mean 'kv'?)"),
        ("log.level", file, "should be 'debug', 'info', 'warning' or 'error'"),
        ("plugins.strct", file, "there is no such setting (did you mean 'strict'?)"),
        ("storage", file, "should be a URL, a name, or a table with a type"),
    ]
    assert caught.value.message.count("\n- ") == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("storage = ''", "should not be empty"),
        ("storage = {path = '/x'}", "should name its type: a table needs the key 'type'"),
        ("home = 3", "should be a valid string"),
        ("cache_max_age = 'soon'", "should be a duration such as 90s, 10m, 12h or 7d"),
        ("cache_max_age = 0", "should be greater than 0"),
    ],
)
def test_one_fault(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        _load(tmp_path, text)
    assert [fault for _, _, fault in _faults(caught.value)] == [message]


def test_a_fault_never_shows_a_value(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        _load(tmp_path, "storage = {password = 'hunter2'}", {"OSTLER_JOBS": "hunter2"})
    assert "hunter2" not in f"{caught.value.message}{caught.value.details}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_variable_and_a_part_of_it_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="OSTLER_KV__PATH and OSTLER_KV exclude each other"):
        _load(tmp_path, "", {"OSTLER_KV": "sqlite:///x", "OSTLER_KV__PATH": "/y"})


def test_a_file_that_is_not_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"ostler\.toml' is not TOML: .*line 2"):
        _load(tmp_path, "jobs = 1\njobs 2")


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.toml")
    with pytest.raises(NotFound, match=r"no settings file .*missing\.toml"):
        load_settings(missing, {})
    with pytest.raises(NotFound):
        load_settings(None, {"OSTLER_SETTINGS": missing})
    with pytest.raises(BadRequest, match="cannot be read: Is a directory"):
        load_settings(str(tmp_path), {})


def test_the_file_in_the_working_directory_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}).origin("jobs") == "default"
    (tmp_path / "ostler.toml").write_text("jobs = 9")
    assert load_settings(None, {}).jobs == 9
    other = tmp_path / "other.toml"
    other.write_text("jobs = 10")
    assert load_settings(None, {"OSTLER_SETTINGS": str(other)}).jobs == 10
    assert load_settings("ostler.toml", {"OSTLER_SETTINGS": str(other)}).jobs == 9


@given(st.integers(1, 10_000), st.sampled_from([("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]))
def test_durations(number: int, unit: tuple[str, int]) -> None:
    overrides = {"cache_max_age": f"{number}{unit[0]}"}
    assert load_settings(os.devnull, {}, overrides).cache_max_age == number * unit[1]


def test_another_choice_keeps_the_rest(tmp_path: Path) -> None:
    settings = _load(tmp_path, "jobs = 2\n[kv]\ntype = 'etcd'\nhost = 'h'")
    other = settings.choose("kv", "memory://", "--url")
    assert (other.kv, other.jobs, other.origin("kv.host")) == ("memory://", 2, "--url")
    assert other.origin("jobs") == settings.origin("jobs")
    assert settings.kv == {"type": "etcd", "host": "h"}
