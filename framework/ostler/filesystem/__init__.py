"""Storages as a file system of fsspec: ``ost://…`` for pandas, pyarrow, DuckDB and `fsspec.open`.

Needs fsspec, which only who comes through it imports: ``pip install 'ostler[fsspec]'``.
"""

from __future__ import annotations

from ._system import OstFileSystem

__all__ = ["OstFileSystem"]

OstFileSystem.__module__ = __name__  # what is pickled or written as JSON names no private module
