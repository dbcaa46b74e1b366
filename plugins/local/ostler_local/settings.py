"""The settings of the `local` executor."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ostler.spi import Settings

__all__ = ["INHERITED", "LocalSettings"]

INHERITED = (
    "LANG",
    "LANGUAGE",
    "LC_*",
    "PATH",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TZ",
    "*_proxy",
    "*_PROXY",
)
"""What processes inherit unless settings say otherwise: what they need to find programs and the network."""


class LocalSettings(Settings):
    """Settings of the `local` executor."""

    inherit_environment: Literal[True] | tuple[str, ...] = Field(
        default=INHERITED,
        description="variables of this process that steps see: names, with * for any part; true: all",
    )
    output_grace: float = Field(
        default=0.25,
        ge=0,
        description="seconds to wait for output of processes that outlive the step's own",
    )
