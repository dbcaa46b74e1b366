from __future__ import annotations

import io
import re

from ostler.spi import ExecutorDriver

from .steps import Base, Collected, run

__all__ = ["TerminalChecks"]


class TerminalChecks(Base):
    """Terminals; nothing is checked when `supports_tty` is False."""

    def test_terminal_is_there_when_asked_for(self, driver: ExecutorDriver) -> None:
        script = "for n in 0 1 2; do if [ -t $n ]; then echo $n yes; else echo $n no; fi; done"
        with self.pod(driver) as pod:
            assert run(pod, script).output == b"0 no\n1 no\n2 no\n"
            if self.supports_tty:
                assert run(pod, script, tty=True).output == b"0 yes\n1 yes\n2 yes\n"

    def test_terminal_changes_nothing(self, driver: ExecutorDriver) -> None:
        if not self.supports_tty:
            return
        with self.pod(driver) as pod:
            ended = run(pod, r"printf 'a\nb\r\nc\t\033[1m'; echo err >&2; exit 3", tty=True)
        assert (ended.code, ended.output) == (3, b"a\nb\r\nc\t\033[1merr\n")

    def test_terminal_without_input_is_at_its_end(self, driver: ExecutorDriver) -> None:
        if not self.supports_tty:
            return
        with self.pod(driver) as pod:
            assert run(pod, "cat; cat; echo end", tty=True).output == b"end\n"

    def test_terminal_with_input_has_no_echo(self, driver: ExecutorDriver) -> None:
        if not self.supports_tty:
            return
        with self.pod(driver) as pod:
            ended = run(pod, "cat; echo end", tty=True, stdin=io.BytesIO(b"one\ntwo\n"))
        assert ended.output == b"one\ntwo\nend\n"

    def test_terminal_controls_the_session(self, driver: ExecutorDriver) -> None:
        if not self.supports_tty:
            return
        with self.pod(driver) as pod:
            assert run(pod, "echo through > /dev/tty", tty=True).output == b"through\n"

    def test_terminal_gives_all_output(self, driver: ExecutorDriver) -> None:
        if not self.supports_tty:
            return
        output = Collected()
        with self.pod(driver) as pod:
            ended = run(
                pod,
                "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done",
                tty=True,
                output=output,
            )
        assert re.split(rb"\s+", ended.output.strip()) == [b"%d" % number for number in range(5000)]
