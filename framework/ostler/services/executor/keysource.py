"""Where the parts of cache keys come from: the pod of a task."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ostler.clock import Clock
from ostler.errors import BadRequest
from ostler.spi.executor import Output

__all__ = ["PodKeySource"]

_ARCHS = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i386": "386",
    "i686": "386",
}


class _Processes(Protocol):
    """Runs processes in the pod: a `PodStepContext`."""

    def capture(self, argv: Sequence[str], /) -> tuple[int, bytes]: ...

    def stream(self, argv: Sequence[str], output: Output, /) -> int: ...


class PodKeySource:
    """A `KeySource` that asks the pod, which needs no more than ``cat`` and ``uname``.

    :param environment: of the steps, the container's own included.
    """

    def __init__(self, processes: _Processes, environment: Mapping[str, str], clock: Clock) -> None:
        self._processes = processes
        self._environment = environment
        self._clock = clock

    def digest(self, algorithm: str, path: str) -> str:
        output = _Digest(algorithm)
        # "./" keeps a name with a leading dash from being an option.
        safe = path if path.startswith("/") else f"./{path}"
        if self._processes.stream(("cat", safe), output):
            raise BadRequest(f"the file {path!r} of a cache key cannot be read: see above why")
        return output.hexdigest()

    def variable(self, name: str) -> str | None:
        return self._environment.get(name)

    def system(self) -> str:
        return self._uname("-s").lower()

    def arch(self) -> str:
        machine = self._uname("-m")
        return _ARCHS.get(machine, machine)

    def now(self) -> float:
        return self._clock.now()

    def _uname(self, option: str) -> str:
        code, output = self._processes.capture(("uname", option))
        if code:
            raise BadRequest(f"`uname {option}`, which a cache key needs, failed with {code}")
        return output.decode().strip()


class _Digest:
    """An `Output` that hashes what it gets."""

    def __init__(self, algorithm: str) -> None:
        self._hash: Any = hashlib.new(algorithm, usedforsecurity=False)

    def write(self, data: bytes, /) -> None:
        self._hash.update(data)

    def descriptor(self) -> int | None:
        return None

    def hexdigest(self) -> str:
        digest: str = self._hash.hexdigest()
        return digest
