"""The ``OSTLER_…`` variables that tasks see. They are facts, not settings."""

from __future__ import annotations

__all__ = ["TASK_VARIABLES"]

TASK_VARIABLES = frozenset(
    f"OSTLER_{name}"
    for name in (
        "BRANCH",
        "COMMIT",
        "POD",
        "REF",
        "REPOSITORY_URL",
        "RUN_COUNTER",
        "RUN_ID",
        "RUN_NAME",
        "TAG",
        "TASK_ID",
        "TASK_NAME",
    )
)
