"""A step context on a bare directory, without pod, executor or runservice."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ostler.errors import BadRequest, NotFound
from ostler.pods import EventCancel
from ostler.spi import ArchiveContent, Body, Cancel, Readable, StepContext
from ostler.spi.storage import BytesBody


class WatchedBody(BytesBody):
    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


class FolderContext(StepContext):
    """Runs processes for real; notes what is asked of archives and caches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}
        self.lines: list[str] = []
        self.output = ""
        self.execs: list[dict[str, Any]] = []
        self.packed: list[ArchiveContent] = []
        self.unpacked: list[tuple[bytes, str, str]] = []
        self.saved: list[bytes] = []
        self.workspace: list[tuple[str, Body]] = []
        self.caches: dict[str, bytes] = {}
        self.vanishing: set[str] = set()
        self.raced = False

    @property
    def environment(self) -> Mapping[str, str]:
        return self.variables

    @property
    def working_dir(self) -> str:
        return str(self.folder)

    @property
    def shell(self) -> str:
        return "/bin/sh -e"

    @property
    def cancel(self) -> Cancel:
        return EventCancel()

    def log(self, text: str) -> None:
        self.lines.append(text)

    def exec(self, argv: Sequence[str], **options: Any) -> int:
        self.execs.append({"argv": argv, **options})
        script = self.folder.parent / "script"
        script.write_bytes(options["script"])
        finished = subprocess.run(
            [*argv, str(script)],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                **self.variables,
                **(options.get("environment") or {}),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.output += finished.stdout + finished.stderr
        return finished.returncode

    def capture(self, argv: Sequence[str], **options: Any) -> tuple[int, bytes]:
        raise AssertionError("no step of this plugin captures")

    def directory(self, path: str, *, create: bool = False) -> str:
        return str(self.folder / path)

    def pack(self, contents: Sequence[ArchiveContent]) -> Body:
        self.packed += contents
        return BytesBody(b"packed")

    def unpack(self, source: Readable, dest_dir: str, *, origin: str = "") -> None:
        self.unpacked.append((source.read(), dest_dir, origin))

    def save_workspace(self, source: Readable) -> None:
        self.saved.append(source.read())

    def workspace_archives(self) -> Sequence[tuple[str, Body]]:
        return self.workspace

    def render_cache_key(self, template: str) -> str:
        if "{{" in template:
            raise BadRequest(f"the cache key {template!r} is wrong")
        return template

    def find_cache(self, key: str, *, prefix: bool) -> str | None:
        found = [name for name in self.caches if name == key or (prefix and name.startswith(key))]
        return found[-1] if found else None

    def open_cache(self, name: str) -> Body:
        if name in self.vanishing:
            raise NotFound(f"no cache {name}")
        return BytesBody(self.caches[name])

    def save_cache(self, key: str, source: Readable) -> bool:
        data = source.read()
        if self.raced:
            return False
        self.caches[key] = data
        return True


@pytest.fixture
def context(tmp_path: Path) -> FolderContext:
    folder = tmp_path / "project"
    folder.mkdir()
    return FolderContext(folder)


@pytest.fixture
def body() -> type[WatchedBody]:
    return WatchedBody
