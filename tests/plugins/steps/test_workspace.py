from __future__ import annotations

from typing import Any

from ostler.spi import ArchiveContent
from ostler_steps.models import Content, RestoreWorkspaceStep, SaveToWorkspaceStep
from ostler_steps.workspace import restore, save

Context = Any


def test_save_keeps_what_the_contents_match(context: Context) -> None:
    contents = [Content(source_dir="dist", dest_dir="/dist/", paths=["*"]), Content()]
    assert save(SaveToWorkspaceStep(contents=contents), context) == 0
    assert context.packed == [
        ArchiveContent(source_dir="dist", dest_dir="/dist/", paths=("*",)),
        ArchiveContent(source_dir=".", dest_dir=".", paths=("**",)),
    ]
    assert context.saved == [b"packed"]


def test_restore_unpacks_all_archives_in_their_order(context: Context, body: Any) -> None:
    bodies = [body(b"one"), body(b"two")]
    context.workspace = list(zip(["a", "b"], bodies, strict=True))
    assert restore(RestoreWorkspaceStep(dest_dir="x"), context) == 0
    assert context.unpacked == [(b"one", "x", "a"), (b"two", "x", "b")]
    assert context.lines == ["restoring what task a saved", "restoring what task b saved"]
    assert all(item.closed for item in bodies)


def test_restore_says_that_there_is_nothing(context: Context) -> None:
    assert restore(RestoreWorkspaceStep(), context) == 0
    assert context.lines == ["no task that this one depends on has saved anything to the workspace"]
