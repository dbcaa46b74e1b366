from __future__ import annotations

import hashlib
import io
import tempfile
import time
from typing import IO

from ostler.spi import ExecutorDriver

from .steps import PATIENCE, Base, Collected, finish, run, start

__all__ = ["StreamChecks"]

_MEGA = 1 << 20


class StreamChecks(Base):
    """Standard input, output and error."""

    def test_output_and_error_in_order(self, driver: ExecutorDriver) -> None:
        script = "".join(f"echo o{n}; echo e{n} >&2\n" for n in range(50))
        with self.pod(driver) as pod:
            output = run(pod, script).output
        assert output == "".join(f"o{n}\ne{n}\n" for n in range(50)).encode()

    def test_error_apart(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            ended = run(pod, "echo out; echo err >&2; echo more", error=Collected())
        assert (ended.output, ended.error) == (b"out\nmore\n", b"err\n")

    def test_output_is_not_changed(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            assert run(pod, r"printf 'a\r\nb\nc\0\377\033[0m'").output == b"a\r\nb\nc\0\xff\033[0m"

    def test_large_output_is_whole(self, driver: ExecutorDriver) -> None:
        size = 8 * _MEGA
        script = f"yes 0123456789abcdef | head -c {size}"
        expected = (b"0123456789abcdef\n" * (size // 17 + 1))[:size]
        with self.pod(driver) as pod:
            assert _digest(run(pod, script).output) == _digest(expected)

    def test_large_output_with_error_apart(self, driver: ExecutorDriver) -> None:
        size = 2 * _MEGA
        script = f"head -c {size} /dev/zero; head -c {size} /dev/zero >&2; echo end"
        with self.pod(driver) as pod:
            ended = run(pod, script, error=Collected())
        assert (len(ended.output), len(ended.error)) == (size + 4, size)

    def test_output_into_a_file(self, driver: ExecutorDriver) -> None:
        with tempfile.TemporaryFile() as file, self.pod(driver) as pod:
            file.write(b"before\n")
            file.flush()
            for word in ("one", "two"):
                job, _ = start(pod, f"echo {word}; echo {word} >&2", output=_File(file))
                assert finish(job) == 0
            file.seek(0)
            assert file.read() == b"before\none\none\ntwo\ntwo\n"

    def test_no_input_is_end_of_file(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            assert run(pod, "cat; cat; echo end").output == b"end\n"

    def test_input_ends(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            ended = run(pod, "cat; echo end", stdin=io.BytesIO(b"a\0b\r\n\xff"))
        assert ended.output == b"a\0b\r\n\xffend\n"

    def test_empty_input(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            assert run(pod, "cat; echo end", stdin=io.BytesIO()).output == b"end\n"

    def test_large_input_and_output_at_once(self, driver: ExecutorDriver) -> None:
        content = bytes(range(256)) * (4 * _MEGA // 256)
        with self.pod(driver) as pod:
            ended = run(pod, "cat", stdin=io.BytesIO(content))
        assert (ended.code, _digest(ended.output)) == (0, _digest(content))

    def test_input_that_nobody_reads(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            ended = run(pod, "exit 3", stdin=io.BytesIO(bytes(4 * _MEGA)))
        assert ended.code == 3

    def test_background_process_does_not_hold_the_exec(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            began = time.monotonic()
            ended = run(pod, "sleep 60 & echo end")
            took = time.monotonic() - began
        assert (ended.code, ended.output) == (0, b"end\n")
        assert took < PATIENCE / 2, f"wait took {took:.1f} s for a process that was left behind"


class _File:
    """An `Output` that is a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes, /) -> object:
        self._file.write(data)
        self._file.flush()
        return len(data)

    def descriptor(self) -> int | None:
        return self._file.fileno()


def _digest(data: bytes) -> tuple[int, str]:
    return len(data), hashlib.sha256(data).hexdigest()
