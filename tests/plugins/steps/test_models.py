from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ostler.spi.info import load_reference
from ostler_steps import ostler_step_types

MODELS = {kind.name: load_reference(kind.model) for kind in ostler_step_types()}


@pytest.mark.parametrize(
    ("type", "config"),
    [
        ("run", {"command": "make"}),
        (
            "run",
            {
                "name": "test",
                "command": "make test",
                "environment": {"A": "b"},
                "working_dir": "sub",
                "shell": "/bin/bash",
                "user": "builder",
                "tty": False,
            },
        ),
        ("clone", {}),
        ("clone", {"depth": 1, "recurse_submodules": True}),
        ("save_to_workspace", {"contents": [{}]}),
        (
            "save_to_workspace",
            {"contents": [{"source_dir": "dist", "dest_dir": "/dist/", "paths": ["*"]}]},
        ),
        ("restore_workspace", {}),
        ("restore_workspace", {"dest_dir": "."}),
        ("save_cache", {"key": "k", "contents": [{"source_dir": "~/.cache"}]}),
        ("restore_cache", {"keys": ["a", "b"], "dest_dir": "~/.cache"}),
    ],
)
def test_what_is_right_survives_being_stored_as_json(type: str, config: dict[str, Any]) -> None:
    model = MODELS[type](**config)
    assert MODELS[type](**model.model_dump(mode="json")) == model


@pytest.mark.parametrize(
    ("type", "config", "where"),
    [
        ("run", {}, "command"),
        ("run", {"command": ""}, "command"),
        ("run", {"command": "x", "comand": "y"}, "comand"),
        ("run", {"command": "x", "tty": "perhaps"}, "tty"),
        ("clone", {"depth": 0}, "depth"),
        ("save_to_workspace", {}, "contents"),
        ("save_to_workspace", {"contents": []}, "contents"),
        ("save_to_workspace", {"contents": [{"paths": []}]}, "paths"),
        ("save_to_workspace", {"contents": [{"path": ["x"]}]}, "path"),
        ("save_cache", {"key": "", "contents": [{}]}, "key"),
        ("restore_cache", {"keys": []}, "keys"),
        ("restore_cache", {"keys": ["a"], "dest_dir": ""}, "dest_dir"),
    ],
)
def test_what_is_wrong_is_named(type: str, config: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MODELS[type](**config)
    assert [error["loc"][-1] for error in caught.value.errors()] == [where]
