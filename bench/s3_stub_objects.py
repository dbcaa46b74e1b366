"""What the stub of an S3 server knows: objects, uploads, listings. It checks no signature; all buckets exist."""

from __future__ import annotations

import itertools
import random
import re
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

__all__ = ["KEPT", "PATTERN", "Answer", "Objects", "Request", "slow_down"]

KEPT = 1 << 20
"""Bytes of the largest object whose content is kept; larger ones are served as `PATTERN`, repeated."""

PATTERN = random.Random(4096).randbytes(1 << 20)

_PAGE = 1000
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
_KINDS = {
    ("GET", "list-type"): "list",
    ("GET", "uploads"): "uploads",
    ("GET", "location"): "location",
    ("POST", "uploads"): "create",
    ("PUT", "partNumber"): "part",
    ("POST", "uploadId"): "complete",
    ("DELETE", "uploadId"): "abort",
    ("POST", "delete"): "delete_many",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose body has arrived.

    :param size: of the body, decoded.
    :param data: the body, when it is at most `KEPT` bytes.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    size: int = 0
    data: bytes | None = b""

    @property
    def kind(self) -> str:
        """What is wanted, in one word."""
        for name in self.query:
            if found := _KINDS.get((self.method, name)):
                return found
        whole = "/" in self.path.strip("/")
        return self.method.lower() if whole else f"{self.method.lower()}_bucket"

    @classmethod
    def parse(cls, head: bytes) -> Request:
        """Read the head of a request, without its empty line."""
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ")
        path, _, query = target.partition("?")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        words = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
        return cls(method, unquote(path), words, headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    :param length: of the body, where it is not ``body`` that is sent.
    :param at: where in the repeated `PATTERN` such a body begins; None: it stays out (HEAD).
    """

    status: str
    headers: str = ""
    body: bytes = b""
    length: int | None = None
    at: int | None = None

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.body) if self.length is None else self.length


@dataclass(slots=True)
class _Object:
    size: int
    data: bytes | None
    etag: str
    headers: str
    born: float = field(default_factory=time.time)


class Objects:
    """All buckets of a server."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._objects: dict[str, _Object] = {}
        self._unfinished: dict[str, tuple[str, str, dict[int, _Object]]] = {}
        self._numbers = itertools.count(1)
        self._names: list[str] | None = None
        self._pages: dict[tuple[str, str], Answer] = {}

    def answer(self, request: Request) -> Answer:
        """Do what is asked."""
        return getattr(self, f"_{request.kind}", _unknown)(request)  # type: ignore[no-any-return]

    def _put(self, request: Request) -> Answer:
        if request.headers.get("if-none-match") == "*" and request.path in self._objects:
            return _error("412 Precondition Failed", "PreconditionFailed")
        made = self._made(request)
        self._store(request.path, made)
        return Answer("200 OK", f'ETag: "{made.etag}"\r\n')

    def _get(self, request: Request) -> Answer:
        found = self._objects.get(request.path)
        if found is None:
            return _error("404 Not Found", "NoSuchKey")
        wanted = request.headers.get("if-match", "").strip('"')
        if wanted not in ("", "*", found.etag):
            return _error("412 Precondition Failed", "PreconditionFailed")
        return _content(found, request.headers.get("range"))

    def _head(self, request: Request) -> Answer:
        found = self._objects.get(request.path)
        if found is None:
            return Answer("404 Not Found", length=0)
        return Answer("200 OK", _described(found), length=found.size)

    def _delete(self, request: Request) -> Answer:
        self._forget(request.path)
        return Answer("204 No Content")

    def _delete_many(self, request: Request) -> Answer:
        bucket = request.path.strip("/")
        assert request.data is not None
        keys = re.findall("<Key>([^<]*)</Key>", request.data.decode())
        for key in keys:
            self._forget(f"/{bucket}/{key}")
        return _xml("DeleteResult", "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys))

    def _list(self, request: Request) -> Answer:
        named = (request.path, repr(sorted(request.query.items())))
        if named not in self._pages:
            self._pages[named] = self._page(request.path.strip("/"), request.query)
        return self._pages[named]

    def _page(self, bucket: str, query: Mapping[str, str]) -> Answer:
        if self._names is None:
            self._names = sorted(self._objects)
        start = f"/{bucket}/{query.get('prefix', '')}"
        after = query.get("continuation-token") or query.get("start-after") or ""
        first = bisect_left(self._names, start)
        if after:
            first = max(first, bisect_right(self._names, f"/{bucket}/{after}"))
        most = int(query.get("max-keys", _PAGE))
        taken = [name for name in self._names[first : first + most + 1] if name.startswith(start)]
        more, taken = len(taken) > most, taken[:most]
        skip = len(bucket) + 2
        told = [f"<Name>{bucket}</Name><KeyCount>{len(taken)}</KeyCount>"]
        told.append(f"<IsTruncated>{str(more).lower()}</IsTruncated>")
        if more:
            token = escape(taken[-1][skip:])
            told.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
        told += [_listed(name[skip:], self._objects[name]) for name in taken]
        return _xml("ListBucketResult", "".join(told))

    def _create(self, request: Request) -> Answer:
        upload = f"upload-{next(self._numbers)}"
        self._unfinished[upload] = (request.path, _kept_headers(request), {})
        return _xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")

    def _part(self, request: Request) -> Answer:
        upload = self._unfinished.get(request.query["uploadId"])
        if upload is None:
            return _error("404 Not Found", "NoSuchUpload")
        made = self._made(request)
        upload[2][int(request.query["partNumber"])] = made
        return Answer("200 OK", f'ETag: "{made.etag}"\r\n')

    def _complete(self, request: Request) -> Answer:
        upload = self._unfinished.get(request.query["uploadId"])
        if upload is None:
            return _error("404 Not Found", "NoSuchUpload")
        if request.headers.get("if-none-match") == "*" and request.path in self._objects:
            return _error("412 Precondition Failed", "PreconditionFailed")
        path, headers, parts = upload
        pieces = [parts[number] for number in sorted(parts)]
        size = sum(piece.size for piece in pieces)
        data = b"".join(piece.data or b"" for piece in pieces) if size <= KEPT else None
        etag = f"{next(self._numbers):032x}-{len(pieces)}"
        self._store(path, _Object(size, data, etag, headers))
        del self._unfinished[request.query["uploadId"]]
        return _xml("CompleteMultipartUploadResult", f'<ETag>"{etag}"</ETag>')

    def _abort(self, request: Request) -> Answer:
        self._unfinished.pop(request.query["uploadId"], None)
        return Answer("204 No Content")

    def _uploads(self, request: Request) -> Answer:
        bucket, now = f"{request.path.rstrip('/')}/", _iso(time.time())
        told = [
            f"<Upload><Key>{path.removeprefix(bucket)}</Key><UploadId>{name}</UploadId>"
            f"<Initiated>{now}</Initiated></Upload>"
            for name, (path, _headers, _parts) in self._unfinished.items()
        ]
        return _xml("ListMultipartUploadsResult", "".join(told))

    def _put_bucket(self, request: Request) -> Answer:
        return Answer("200 OK")

    def _head_bucket(self, request: Request) -> Answer:
        return Answer("200 OK", length=0)

    def _location(self, request: Request) -> Answer:
        return _xml("LocationConstraint", "")

    def _made(self, request: Request) -> _Object:
        etag = f"{next(self._numbers):032x}"
        return _Object(request.size, request.data, etag, _kept_headers(request))

    def _store(self, path: str, made: _Object) -> None:
        if path not in self._objects:
            self._names = None
        self._objects[path] = made
        self._pages.clear()

    def _forget(self, path: str) -> None:
        if self._objects.pop(path, None) is not None:
            self._names = None
            self._pages.clear()


def _content(found: _Object, wanted: str | None) -> Answer:
    status, headers, start, end = "200 OK", _described(found), 0, found.size
    match = _RANGE.match(wanted or "")
    if match:
        start, end = _cut(match[1], match[2], found.size)
        if start >= found.size:
            return _error("416 Range Not Satisfiable", "InvalidRange")
        status = "206 Partial Content"
        headers += f"Content-Range: bytes {start}-{end - 1}/{found.size}\r\n"
    if found.data is not None:
        return Answer(status, headers, found.data[start:end])
    return Answer(status, headers, length=end - start, at=start)


def _cut(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _described(found: _Object) -> str:
    return (
        f'ETag: "{found.etag}"\r\nLast-Modified: {formatdate(found.born, usegmt=True)}\r\n'
        f"Content-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n{found.headers}"
    )


def _kept_headers(request: Request) -> str:
    return "".join(
        f"{name}: {value}\r\n"
        for name, value in request.headers.items()
        if name.startswith("x-amz-meta-")
    )


def _listed(key: str, found: _Object) -> str:
    return (
        f"<Contents><Key>{escape(key)}</Key><LastModified>{_iso(found.born)}</LastModified>"
        f"<ETag>&quot;{found.etag}&quot;</ETag><Size>{found.size}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def _xml(name: str, inner: str) -> Answer:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</{name}>'
    )
    return Answer("200 OK", "Content-Type: application/xml\r\n", text.encode())


def _error(status: str, code: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return Answer(status, "Content-Type: application/xml\r\n", text.encode())


def _unknown(_request: Request) -> Answer:
    return _error("501 Not Implemented", "NotImplemented")


def slow_down() -> Answer:
    """Return the answer of a server that has too much to do."""
    return _error("503 Slow Down", "SlowDown")
