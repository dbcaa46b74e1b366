"""Ostler: task graphs on executors, everything they leave behind in object storage."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
