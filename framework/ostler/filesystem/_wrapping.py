"""Text and compression on top of a file to write, which fail with it and are forgotten with it."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from fsspec.compression import compr

from ._whole import WholeOrNothing
from ._writing import ObjectWriter

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["CompressedWriter", "Compressor", "TextWriter", "wrapped"]


def wrapped(
    target: ObjectWriter, compression: str | None, text: dict[str, Any] | None
) -> ObjectWriter | CompressedWriter | TextWriter:
    """Return a file that writes into ``target``, which is discarded if that cannot be made.

    :param compression: one of fsspec's; None: none.
    :param text: the options of a `TextWriter`; None: bytes are written.
    """
    file: ObjectWriter | CompressedWriter = target
    try:
        if compression is not None:
            file = CompressedWriter(compr[compression](target, mode=target.mode[0]), target)
        return file if text is None else TextWriter(file, **text)
    except BaseException:
        file.discard()
        raise


class Compressor(Protocol):
    """What fsspec makes of a file and the name of a compression."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Compress and write on."""

    def flush(self) -> None:
        """Write on what can be."""

    def close(self) -> None:
        """Write on what is left, and leave the file below open."""


class CompressedWriter(WholeOrNothing, io.BufferedIOBase):
    """Compresses into a file to write; closes it as well, which Python's compressors do not.

    :param compressor: that writes to ``target``.
    """

    def __init__(self, compressor: Compressor, target: ObjectWriter) -> None:
        super().__init__()
        self._compressor, self._target = compressor, target

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._target.closed

    def writable(self) -> bool:
        return self._target.writable()

    def write(self, data: ReadableBuffer, /) -> int:
        """Compress ``data``, all of it.

        :raises OSError: as the file below does.
        """
        return self._compressor.write(data)

    def flush(self) -> None:
        self._compressor.flush()

    def close(self) -> None:
        """As `ObjectWriter.close`."""
        if not self.closed:
            with self._target:
                self._compressor.close()

    def discard(self) -> None:
        self._end_compressor()
        self._target.discard()

    def __del__(self) -> None:
        if not self.closed:
            self._end_compressor()
            self._target.abandon()

    def _end_compressor(self) -> None:
        # It writes its trailer, or fails to: neither is wanted any more.
        with suppress(OSError, ValueError):
            self._compressor.close()


class TextWriter(WholeOrNothing, io.TextIOWrapper):
    """Encodes text into a file to write.

    :param options: ``encoding``, ``errors`` and ``newline``.
    """

    def __init__(self, target: ObjectWriter | CompressedWriter, **options: Any) -> None:
        super().__init__(target, **options)  # type: ignore[arg-type]
        self._target = target

    def close(self) -> None:
        """As `ObjectWriter.close`."""
        if not self.closed:
            # Python's own would close the target also when the last text did not reach it.
            with self._target:
                self.flush()

    def discard(self) -> None:
        self._target.discard()

    def __del__(self) -> None:
        # Python's own would close, and so store what was written so far; those below warn.
        return
