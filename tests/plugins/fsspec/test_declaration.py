from __future__ import annotations

from pathlib import Path

import ostler_fsspec
from ostler.host import Host
from ostler.settings import load_settings, resolve_storage
from ostler.spi.info import SPI_VERSION, load_reference
from ostler_fsspec.settings import FsspecSettings


def test_declares_one_type_that_can_be_loaded() -> None:
    (declared,) = ostler_fsspec.ostler_storages()
    assert (declared.name, declared.schemes) == ("fsspec", ("fsspec+",))
    assert load_reference(declared.settings) is FsspecSettings
    assert callable(load_reference(declared.factory))
    assert ostler_fsspec.ostler_spi_version == SPI_VERSION


def test_every_protocol_is_served_by_it() -> None:
    host = Host.discover()
    for scheme in ("fsspec+gs", "fsspec+sftp", "fsspec+nobody-knows"):
        assert host.storage_for_scheme(scheme).type.name == "fsspec"


def test_a_table_says_what_a_url_cannot(tmp_path: Path) -> None:
    lines = [
        "[storage]",
        'type = "fsspec"',
        'protocol = "sftp"',
        'path = "/srv/ostler"',
        "[storage.options]",
        'host = "h"',
        "port = 22",
        'passphrase = "hunter2"',
    ]
    (tmp_path / "ostler.toml").write_text("\n".join(lines))
    settings = load_settings(str(tmp_path / "ostler.toml"), environ={})
    resolved = resolve_storage(settings, Host.discover())
    assert isinstance(resolved.settings, FsspecSettings)
    assert resolved.settings.options["port"] == 22
    assert "hunter2" not in repr(resolved)
