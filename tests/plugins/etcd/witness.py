"""`etcd3`, another client, in a process of its own: ``python witness.py HOST PORT``.

Each line of standard input is a JSON list, a verb and its arguments; each answer is one line too.
"""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

import etcd3


def put(client: Any, key: str, value: str, lease: int = 0) -> int:
    return int(client.put(key, value, lease=lease or None).header.revision)


def get(client: Any, key: str) -> list[Any] | None:
    value, meta = client.get(key)
    return None if meta is None else described(value, meta)


def listed(client: Any, prefix: str) -> list[Any]:
    return [
        [meta.key.decode(), *described(value, meta)] for value, meta in client.get_prefix(prefix)
    ]


def described(value: bytes, meta: Any) -> list[Any]:
    revisions = [meta.create_revision, meta.mod_revision, meta.version]
    return [value.decode(), *revisions, meta.lease_id]


def swap(client: Any, key: str, old: str, new: str) -> bool:
    return bool(client.replace(key, old, new))


def delete(client: Any, key: str) -> bool:
    return bool(client.delete(key))


def lease(client: Any, ttl: int) -> int:
    return int(client.lease(ttl).id)


def watch(client: Any, prefix: str, count: int) -> list[Any]:
    events, cancel = client.watch_prefix(prefix)
    print(json.dumps("watching"), flush=True)
    told = [
        [type(event).__name__, event.key.decode(), event.value.decode(), event.mod_revision]
        for event in itertools.islice(events, count)
    ]
    cancel()
    return told


VERBS = (put, get, listed, swap, delete, lease, watch)

if __name__ == "__main__":
    host, port = sys.argv[1:]
    connected = etcd3.client(host=host, port=int(port))
    verbs = {verb.__name__: verb for verb in VERBS}
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(verbs[name](connected, *arguments)), flush=True)
