"""What is in the wheel that people install."""

from __future__ import annotations

import pytest

from ...wheels import Wheel, build_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    return build_wheel("s3", tmp_path_factory.mktemp("wheel"))


def test_it_holds_the_package_and_nothing_else(wheel: Wheel) -> None:
    wheel.check_files()


def test_the_plugin_is_registered(wheel: Wheel) -> None:
    assert wheel.plugins() == {"s3": "ostler_s3"}


def test_it_needs_two_clients(wheel: Wheel) -> None:
    """obstore moves the data; s3fs does what obstore has no call for."""
    assert wheel.needs() == ["obstore", "ostler", "s3fs"]
