"""What the tests of several parts share."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def require(name: str, reason: str) -> NoReturn:
    """Skip the test for want of ``name``; fail it where ``OSTLER_REQUIRE`` (``a,b`` or ``all``) wants it."""
    wanted = os.environ.get("OSTLER_REQUIRE", "").split(",")
    if name in wanted or "all" in wanted:
        pytest.fail(f"{name} is required by OSTLER_REQUIRE, but {reason}")
    pytest.skip(f"{name}: {reason}")
