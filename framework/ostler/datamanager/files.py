"""Data files: sorted entries of one type, in blocks, with an index at the end."""

from __future__ import annotations

from .cache import FileCache
from .info import FileInfo
from .reading import FileReader
from .writing import write_files

__all__ = ["FileCache", "FileInfo", "FileReader", "write_files"]
