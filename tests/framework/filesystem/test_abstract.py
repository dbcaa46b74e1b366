"""fsspec's own tests, which every file system of its kind is to pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)

from ostler.filesystem import OstFileSystem


class Fixtures(AbstractFixtures):
    @pytest.fixture
    def fs(self, fs: OstFileSystem) -> OstFileSystem:
        return fs

    @pytest.fixture
    def local_fs(self) -> LocalFileSystem:
        # That of older versions of fsspec is written in a way that pytest warns of.
        return LocalFileSystem(auto_mkdir=True)

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *parts: "/".join(map(str, parts))

    @pytest.fixture
    def fs_path(self) -> str:
        return "tests/abstract"

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


class TestCopy(Fixtures, AbstractCopyTests):
    pass


class TestGet(Fixtures, AbstractGetTests):
    pass


class TestOpen(Fixtures, AbstractOpenTests):
    pass


class TestPipe(Fixtures, AbstractPipeTests):
    pass


class TestPut(Fixtures, AbstractPutTests):
    pass
