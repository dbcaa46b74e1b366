"""Steps: their three forms, and their step type's own model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ostler.runs.config import StepConfig
from ostler.spi.info import load_reference
from ostler.spi.steps import StepModel, StepType

from .conditions import matches
from .node import MAX_NAME, Node
from .problems import meant, shown

__all__ = ["read_steps"]

_QUOTABLE = (bool, int, float)
_LIST, _MAPPING = "a list", "a mapping"
_WANTED = {
    "bool_type": "true or false",
    "dict_type": _MAPPING,
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": _LIST,
    "model_type": _MAPPING,
    "string_type": "a string",
    "tuple_type": _LIST,
}


def read_steps(node: Node | None) -> tuple[StepConfig, ...]:
    """Read the steps of a task; those whose ``when`` does not match are left out."""
    if node is None:
        return ()
    return tuple(_each_step(node))


def _each_step(node: Node) -> Iterator[StepConfig]:
    for item in node.items():
        found = _typed(item)
        if found is None:
            continue
        name, body = found
        step_type = body.reading.step_types.get(name)
        if step_type is None:
            _unknown_type(body, name)
            continue
        step = _step(step_type, body)
        if step is not None:
            yield step


def _typed(node: Node) -> tuple[str, Node] | None:
    """Return the name of the step's type and its fields, whichever form it has."""
    value = node.value
    if not isinstance(value, dict):
        known = isinstance(value, str) and value in node.reading.step_types
        hint = f": write {{{value}: {{}}}}" if known else ""
        node.fail(f"a step must be a mapping, not {shown(value)}{hint}")
    elif "type" in value:
        name = node.child("type", value["type"]).name()
        fields = {key: item for key, item in value.items() if key != "type"}
        return (name, Node(fields, node.path, node.scope, node.reading)) if name else None
    elif len(value) == 1:
        [(name, body)] = value.items()
        return name, node.child(name, {} if body is None else body)
    else:
        keys = ", ".join(value) or "none"
        node.fail(
            f'a step without a "type" has one key, the name of its type, and not these: {keys};'
            " is the indentation right?"
        )
    return None


def _unknown_type(node: Node, name: str) -> None:
    known = node.reading.step_types
    node.fail(f'unknown step type "{name}"{meant(name, known)}; known are {_listed(known)}')


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none: no plugin that offers any is installed"


def _step(step_type: StepType, node: Node) -> StepConfig | None:
    if isinstance(node.value, str) and step_type.shorthand:
        fields = {step_type.shorthand: node.text()}
    elif isinstance(node.value, dict):
        fields = dict(node.value)
    else:
        node.wrong("a mapping" + (" or a string" if step_type.shorthand else ""))
        return None
    wanted = _pop_when(node, fields)
    _substitute(node, fields)
    model = _validated(step_type, node, fields)
    if model is None or not wanted:
        return None
    return StepConfig(
        type=step_type.name,
        name=model.name or _default_name(step_type, fields),
        config=model.model_dump(mode="json", exclude={"name"}),
        archives=step_type.archives,
    )


def _pop_when(node: Node, fields: dict[str, Any]) -> bool:
    when = fields.pop("when", None)
    return when is None or matches({"when": node.child("when", when)})


def _substitute(node: Node, fields: dict[str, Any]) -> None:
    """Put the values of variables into the step's environment, before its model sees it."""
    if isinstance(fields.get("environment"), dict):
        fields["environment"] = node.child("environment", fields["environment"]).settings()


def _default_name(step_type: StepType, fields: dict[str, Any]) -> str:
    text = fields.get(step_type.shorthand)
    lines = text.strip().splitlines() if isinstance(text, str) else []
    return lines[0][:MAX_NAME] if lines else step_type.summary


def _validated(step_type: StepType, node: Node, fields: dict[str, Any]) -> StepModel | None:
    model: type[StepModel] = load_reference(step_type.model)
    given = {
        key: value
        for key, value in fields.items()
        if value is not None or key not in model.model_fields
    }
    try:
        # As JSON: strict, so that nothing is guessed, and lists may still be tuples.
        return model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _report(node, given, model, detail)
        return None


def _report(node: Node, fields: Any, model: type[StepModel], detail: ErrorDetails) -> None:
    place = _place(node, fields, detail)
    value = detail["input"]
    key = detail["loc"][-1] if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        place.fail(f'unknown key "{key}"{meant(str(key), _known(model))}')
    elif detail["type"] == "missing":
        place.fail(f'"{key}" is missing')
    elif detail["type"] == "string_type" and isinstance(value, _QUOTABLE):
        place.fail(f"{place.label} must be a string, not {shown(value)}: quote it")
    elif detail["type"] in _WANTED:
        place.wrong(_WANTED[detail["type"]])
    else:
        place.fail(f"{place.label}: {_sentence(detail)}")


def _sentence(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return message[:1].lower() + message[1:]


def _place(node: Node, fields: Any, detail: ErrorDetails) -> Node:
    """Follow the way to the wrong value as far as it exists; pydantic adds parts of its own."""
    value = fields
    for part in detail["loc"]:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            continue
        node = node.child(part, value)
    return node


def _known(model: type[StepModel]) -> set[str]:
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return {"when"}.union(*(part.get("properties", {}) for part in parts))
