"""What is in the wheel that people install."""

from __future__ import annotations

import pytest

from ...wheels import Wheel, build_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    return build_wheel("etcd", tmp_path_factory.mktemp("wheel"))


def test_it_holds_the_package_and_nothing_else(wheel: Wheel) -> None:
    wheel.check_files()


def test_the_plugin_is_registered(wheel: Wheel) -> None:
    assert wheel.plugins() == {"etcd": "ostler_etcd"}


def test_its_messages_are_in_nobodys_way() -> None:
    from ostler_etcd import wire_pb2

    assert wire_pb2.DESCRIPTOR.name == "ostler_etcd/wire.proto"
    assert wire_pb2.DESCRIPTOR.package == "ostler_etcd.wire"
