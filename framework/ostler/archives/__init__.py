"""Archives: tar streams of chosen files, made and read without ever being held in memory."""

from __future__ import annotations

from .globs import Globs
from .packing import Selection, pack
from .paths import check_link, inner_path
from .reading import Visit, rewrite

__all__ = ["Globs", "Selection", "Visit", "check_link", "inner_path", "pack", "rewrite"]
