"""What is in the wheel that people install."""

from __future__ import annotations

import pytest

from ...wheels import Wheel, build_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    return build_wheel("fsspec", tmp_path_factory.mktemp("wheel"))


def test_it_holds_the_package_and_nothing_else(wheel: Wheel) -> None:
    wheel.check_files()


def test_the_plugin_is_registered(wheel: Wheel) -> None:
    assert wheel.plugins() == {"fsspec": "ostler_fsspec"}


def test_it_needs_fsspec_and_no_file_system_of_it(wheel: Wheel) -> None:
    assert wheel.needs() == ["fsspec", "ostler"]
