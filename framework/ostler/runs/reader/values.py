"""Durations, sizes and architectures as text."""

from __future__ import annotations

import re
from decimal import Decimal

from .node import Node
from .problems import meant

__all__ = ["ARCHS", "read_arch", "read_duration", "read_size"]

ARCHS = frozenset(
    [
        "386",
        "amd64",
        "arm",
        "arm64",
        "loong64",
        "mips",
        "mips64",
        "mips64le",
        "mipsle",
        "ppc64",
        "ppc64le",
        "riscv64",
        "s390x",
    ]
)

_OTHER_ARCHS = {"x86_64": "amd64", "x86-64": "amd64", "x64": "amd64", "aarch64": "arm64"}

_SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(f"(?:{_DURATION_PART.pattern})+")

_UNITS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_SIZE = re.compile(r"(\d+\.?\d*|\.\d+)(?:([KMGTPE])i|([kMGTPE]?))")


def read_duration(node: Node) -> float | None:
    """Read seconds: ``90s``, ``10m``, ``1h30m``, as in Go."""
    value = node.value
    if isinstance(value, str) and _DURATION.fullmatch(value):
        seconds = sum(Decimal(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(value))
        if seconds > 0:
            return float(seconds)
    node.wrong("a duration above 0 with its unit, like 90s, 10m or 1h30m")
    return None


def read_size(node: Node) -> int | None:
    """Read bytes: a number, or one with a unit: ``512Mi``, ``1Gi``, ``2G``."""
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    size = _bytes(found) if found else 0
    if size > 0:
        return size
    node.wrong("a size above 0 in bytes or with a unit, like 512Mi or 1Gi")
    return None


def _bytes(found: re.Match[str]) -> int:
    number, binary, decimal = found.groups()
    factor = 1024 ** _UNITS[binary.replace("K", "k")] if binary else 1000 ** _UNITS[decimal]
    return int(Decimal(number) * factor)


def read_arch(node: Node) -> str:
    """Read an architecture by its name in Go; empty: any."""
    arch = node.text()
    if not arch or arch in ARCHS:
        return arch
    other = _OTHER_ARCHS.get(arch.lower())
    hint = f' (did you mean "{other}"?)' if other else meant(arch, ARCHS)
    node.fail(f'unknown architecture "{arch}"{hint}; known are {", ".join(sorted(ARCHS))}')
    return arch
