"""Files that are stored together at the end of a block."""

from __future__ import annotations

from fsspec.transaction import Transaction

from ._writing import ObjectWriter

__all__ = ["AllOrNone"]


class AllOrNone(Transaction):
    """fsspec's transaction, which however ends in every case.

    Once a file cannot be stored, those after it are discarded, and the file
    system is out of the transaction, in which older versions of fsspec leave it.
    """

    def complete(self, commit: bool = True) -> None:
        """Store the files, or discard them, as well as any that was not closed.

        :raises OSError: one could not be stored; those before it are.
        """
        try:
            while commit and self.files:
                _commit(self.files.popleft())
        finally:
            while self.files:
                self.files.popleft().discard()
            super().complete(commit=False)


def _commit(file: ObjectWriter) -> None:
    if file.closed:
        file.commit()
    else:  # a compressor or an encoder on top of it may still hold the rest
        file.abandon()
