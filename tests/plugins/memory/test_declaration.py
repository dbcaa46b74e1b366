from __future__ import annotations

import ostler_memory
from ostler.spi.info import load_reference


def test_offers_the_type_memory() -> None:
    (offered,) = ostler_memory.ostler_storages()
    assert (offered.name, offered.schemes, offered.selectable) == ("memory", ("memory",), True)


def test_its_references_make_a_driver() -> None:
    (offered,) = ostler_memory.ostler_storages()
    settings = load_reference(offered.settings)()
    driver = load_reference(offered.factory)(settings)
    assert driver.capabilities.durable_put is False
    driver.close()
