"""Saying what pydantic found, with the path and the origin of each value, and without the values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from ostler.errors import BadRequest
from ostler.suggest import did_you_mean

__all__ = ["explain", "refuse"]


def explain(
    error: ValidationError,
    model: type[BaseModel],
    origin: Callable[[str], str],
    prefix: str = "",
) -> list[dict[str, str]]:
    """Return one ``{"path", "origin", "message"}`` for every fault.

    :param origin: of the value at a dotted path.
    :param prefix: the path of the model itself, with a dot at its end; may be empty.
    """
    faults = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        path = prefix + ".".join(str(part) for part in item["loc"])
        path = path.removesuffix(".")
        faults.append({"path": path, "origin": origin(path), "message": _message(item, model)})
    return faults


def refuse(what: str, faults: Iterable[dict[str, str]]) -> BadRequest:
    """Return the error that tells all ``faults`` at once."""
    listed = list(faults)
    lines = [f"- {item['path']} ({item['origin']}): {item['message']}" for item in listed]
    return BadRequest("\n".join([f"{what}:", *lines]), details={"errors": listed})


def _message(item: Any, model: type[BaseModel]) -> str:
    if item["type"] == "extra_forbidden":
        return "there is no such setting" + did_you_mean(
            str(item["loc"][-1]), _fields(model, item["loc"][:-1])
        )
    if item["type"] == "missing":
        return "is missing"
    text = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return text[:1].lower() + text[1:]


def _fields(model: type[BaseModel], path: tuple[int | str, ...]) -> Iterable[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field is not None else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ()
        model = inner
    return model.model_fields
