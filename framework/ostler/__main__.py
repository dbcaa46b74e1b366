"""``python -m ostler`` is ``ostler``."""

from __future__ import annotations

import sys

from ostler.cli import main

if __name__ == "__main__":
    sys.exit(main())
