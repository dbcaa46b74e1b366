"""Verification: every byte that the database rests on is read and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ostler.errors import Internal, NotFound

from .log import Log
from .manifest import Manifest
from .names import numbered
from .records import decode_batch
from .sequences import Sequence
from .views import Files

__all__ = ["Problem", "Verifier"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is damaged or missing.

    :param object: its key in object storage.
    :param reason: a sentence.
    """

    object: str
    reason: str


class Verifier:
    """Reads the newest manifest, its files and the log after it."""

    def __init__(self, log: Log, wals: Sequence, manifests: Sequence, files: Files) -> None:
        self._log, self._wals, self._manifests, self._files = log, wals, manifests, files

    def verify(self) -> Iterator[Problem]:
        """Yield what is wrong; nothing: every byte is whole."""
        try:
            self._log.sync()
        except Internal as error:
            yield _problem(error)
        for _ in range(_ATTEMPTS):
            manifest = self._log.refresh()
            problems = list(self._manifest(manifest)) + list(self._wals_after(manifest))
            # Files go once a newer manifest has replaced them: that is no damage.
            if not problems or self._log.refresh().number == manifest.number:
                break
        yield from problems

    def _manifest(self, manifest: Manifest) -> Iterator[Problem]:
        try:
            self._log.read_manifest(manifest.number)
        except Internal as error:
            yield _problem(error)
        except NotFound as error:
            yield Problem(numbered(self._manifests.prefix, manifest.number), error.message)
        for info in manifest.files().values():
            try:
                self._files.open(info).verify()
            except Internal as error:
                yield _problem(error)

    def _wals_after(self, manifest: Manifest) -> Iterator[Problem]:
        with self._log.lock:
            newest, known = self._log.state.commit, self._log.state.digest
        digest = manifest.digest
        for number in range(manifest.commit + 1, newest + 1):
            name = numbered(self._wals.prefix, number)
            try:
                batch = decode_batch(self._wals.read(number), name)
            except NotFound:
                yield Problem(name, f"{name} is missing")
                digest = b""
                continue
            except Internal as error:
                yield _problem(error)
                digest = b""
                continue
            if digest and batch.previous != digest:
                yield Problem(name, f"{name} does not follow the number before it")
            digest = batch.digest
        if digest and digest != known:  # nothing follows it that could tell
            name = numbered(self._wals.prefix, newest)
            yield Problem(name, f"{name} is not the commit that was read there before")


def _problem(error: Internal) -> Problem:
    return Problem(str(error.details.get("object", "")), error.message)


_ATTEMPTS = 5
