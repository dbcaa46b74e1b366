"""Manifests: snapshots of the database, from which everything else follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgpack

from .compaction import Run, TypeFiles
from .compression import pack, unpack
from .files import FileInfo
from .sealing import DIGEST_SIZE, Kind, damaged, digest_of, seal, unseal

__all__ = ["Manifest", "decode_manifest", "encode_manifest", "first_manifest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The database as it was after one commit.

    :param number: of the manifest: 1, 2, 3, …
    :param cluster: id of the database, random, made with it.
    :param arbiter: who decides which writer gets a number, ``"storage"`` or ``"kv"``; for ever.
    :param previous: digest of the manifest that it was made from; empty for the first.
    :param commit: number of the commit that it reaches up to.
    :param digest: of that commit's log object; for number 0, of the cluster id.
    :param created: seconds since 1970-01-01 UTC, by the clock of who wrote it.
    :param floor: groups that are not in ``groups`` were not moved after this commit.
    :param groups: change groups and the commit that moved them last.
    :param types: the files of each type of entry.
    :param own: digest of its object, as it was read.
    """

    number: int
    cluster: str
    arbiter: str
    previous: bytes
    commit: int
    digest: bytes
    created: float
    floor: int = 0
    groups: Mapping[str, int] = field(default_factory=dict)
    types: Mapping[str, TypeFiles] = field(default_factory=dict)
    own: bytes = field(default=b"", compare=False)

    def follows(self, other: Manifest) -> bool:
        """Whether it was made from ``other``."""
        return self.number == other.number + 1 and self.previous == other.own

    def files(self) -> dict[str, FileInfo]:
        """Return every file that it names, by key."""
        return {info.key: info for files in self.types.values() for info in files}


def first_manifest(cluster: str, arbiter: str, now: float) -> Manifest:
    """Return the manifest that makes a database: nothing is in it."""
    digest = blake2b(cluster.encode(), digest_size=DIGEST_SIZE).digest()
    return Manifest(
        number=1,
        cluster=cluster,
        arbiter=arbiter,
        previous=b"",
        commit=0,
        digest=digest,
        created=now,
    )


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the sealed object of a manifest."""
    content = {
        "number": manifest.number,
        "cluster": manifest.cluster,
        "arbiter": manifest.arbiter,
        "previous": manifest.previous,
        "commit": manifest.commit,
        "digest": manifest.digest,
        "created": manifest.created,
        "floor": manifest.floor,
        "groups": dict(manifest.groups),
        "types": {name: _encode_files(files) for name, files in manifest.types.items()},
    }
    return seal(Kind.MANIFEST, msgpack.packb(pack(msgpack.packb(content))))


def decode_manifest(data: bytes, name: str) -> Manifest:
    """Rebuild what `encode_manifest` gave.

    :raises Internal: it is damaged; names the object.
    """
    payload = unseal(Kind.MANIFEST, data, name)
    try:
        size, body = msgpack.unpackb(payload)
        content = msgpack.unpackb(unpack(size, body))
        types = {each: _decode_files(files) for each, files in content.pop("types").items()}
        return Manifest(types=types, own=digest_of(data), **content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(name, f"its content cannot be read ({error})") from error


def _encode_files(files: TypeFiles) -> Any:
    runs = [(run.tier, [_encode_info(info) for info in run.files]) for run in files.runs]
    return runs, [_encode_info(info) for info in files.partitions]


def _decode_files(data: Any) -> TypeFiles:
    runs, partitions = data
    return TypeFiles(
        tuple(
            Run(files=tuple(FileInfo(*info) for info in infos), tier=tier) for tier, infos in runs
        ),
        tuple(FileInfo(*info) for info in partitions),
    )


def _encode_info(info: FileInfo) -> Any:
    return (info.key, info.first, info.last, info.count, info.size, info.digest, info.raw)
