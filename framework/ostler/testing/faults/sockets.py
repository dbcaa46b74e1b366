"""Resets, as the network makes them."""

from __future__ import annotations

import asyncio
import socket
import struct

__all__ = ["close_hard"]

_NO_LINGER = struct.pack("ii", 1, 0)


def close_hard(transport: asyncio.WriteTransport) -> None:
    """Reset the connection (RST), dropping what is not sent yet. Leaves no port behind in TIME_WAIT."""
    if transport.is_closing():
        return
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
