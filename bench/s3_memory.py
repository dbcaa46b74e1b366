"""``s3_memory.py CLIENT upload|unknown|download MIB ENDPOINT BUCKET KEY SECRET``: memory of one transfer.

Prints MiB above idle at the peak, and seconds. Idle is a client that is open and has put and got a small object.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from pathlib import Path

from s3_peers import CLIENTS, MIB, Client

__all__: list[str] = []


def main(name: str, what: str, size: str, endpoint: str, bucket: str, *keys: str) -> None:
    client = CLIENTS[name](endpoint, bucket, (keys[0], keys[1]))
    client.put("small", b"1"), client.get("small")
    for thread in threading.enumerate():
        if thread.name == "s3-sweep":
            thread.join()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    idle, began = resident("VmRSS"), time.perf_counter()
    transfer(client, what, int(size) * MIB)
    took = time.perf_counter() - began
    print(f"{(resident('VmHWM') - idle) / 1024:.0f} {took:.3f}")


def transfer(client: Client, what: str, size: int) -> None:
    if what == "download":
        assert client.download("large") == size
    else:
        client.upload("memory", size, known=what == "upload")


def resident(kind: str) -> int:
    """KiB."""
    found = re.search(rf"{kind}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
