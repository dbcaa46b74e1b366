from __future__ import annotations

import signal
import threading

from ostler.errors import BadRequest
from ostler.spi import ExecConfig, ExecutorDriver

from .steps import PATIENCE, Base, Collected, finish, raises, run, start, until

__all__ = ["ProcessChecks"]

_ODD = "a b\t$HOME `x` \"q\" 'q' \\ é \U0001f600\nsecond line"


class ProcessChecks(Base):
    """How processes start and end."""

    def test_exit_codes(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            for code in (0, 1, 77, 255):
                assert run(pod, f"exit {code}").code == code

    def test_shell_option_stops_at_the_first_failure(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            ended = run(pod, "echo one\nfalse\necho two\n")
        assert (ended.code, ended.output) == (1, b"one\n")

    def test_killed_by_a_signal(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            for number in (signal.SIGKILL, signal.SIGTERM):
                ended = run(pod, f"kill -{number.value} $$")
                assert ended.code == 128 + number, f"killed by signal {number}"

    def test_missing_command_is_127(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            for command in ("no-such-command", "/no/such/command"):
                config = ExecConfig(argv=[command, "x"], output=Collected())
                assert finish(pod.exec(config)) == 127, command

    def test_command_that_cannot_be_executed_is_126(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            home = pod.directory("~", environment={}, user="", create=True)
            assert run(pod, "echo echo hi > plain; chmod 644 plain", working_dir=home).code == 0
            config = ExecConfig(argv=[f"{home}/plain"], output=Collected())
            assert finish(pod.exec(config)) == 126

    def test_wait_with_a_timeout(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            source = _Held()
            job, output = start(pod, "echo on; read line; exit 4", stdin=source)
            until(job, output, b"on\n")
            assert job.wait(0.01) is None, "it still runs"
            source.let_go()
            assert finish(job) == 4
            assert job.wait() == 4, "the code of an ended exec is told again"

    def test_arguments_are_passed_as_they_are(self, driver: ExecutorDriver) -> None:
        argv = ["/bin/sh", "-c", 'printf "<%s>" "$@"', "zero", "", _ODD, "*", "; exit 3"]
        with self.pod(driver) as pod:
            output = Collected()
            code = finish(pod.exec(ExecConfig(argv=argv, output=output)))
        expected = "".join(f"<{argument}>" for argument in argv[4:]).encode()
        assert (code, bytes(output.data)) == (0, expected)

    def test_script_of_any_bytes(self, driver: ExecutorDriver) -> None:
        script = b"# \xff\xfe '\" $(exit 9) `exit 9`\nprintf '%s' 'caf\xe9 $HOME \\n'\n"
        with self.pod(driver) as pod:
            ended = run(pod, script)
        assert (ended.code, ended.output) == (0, b"caf\xe9 $HOME \\n")

    def test_large_script(self, driver: ExecutorDriver) -> None:
        script = b"".join(b": %d %s\n" % (line, b"x" * 60) for line in range(8000)) + b"echo end"
        with self.pod(driver) as pod:
            assert run(pod, script).output == b"end\n"

    def test_scripts_do_not_meet(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            started = [start(pod, f"sleep 0.1; echo {number}") for number in range(4)]
            for number, (job, output) in enumerate(started):
                assert finish(job) == 0
                assert bytes(output.data) == b"%d\n" % number

    def test_environment(self, driver: ExecutorDriver) -> None:
        with self.pod(driver, environment={"A": "container", "B": "container"}) as pod:
            ended = run(
                pod,
                'printf "%s|%s|%s" "$A" "$B" "$ODD"; test -n "$HOME"; test -n "$PATH"',
                environment={"B": "exec", "ODD": _ODD},
            )
        assert (ended.code, ended.output) == (0, f"container|exec|{_ODD}".encode())

    def test_environment_of_one_exec_is_not_the_next_ones(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            run(pod, "export LEAK=1", environment={"LEAK": "1"})
            assert run(pod, 'printf "%s" "${LEAK-unset}"').output == b"unset"

    def test_home_and_path_can_be_replaced(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            ended = run(pod, 'printf "%s" "$HOME"', environment={"HOME": "/elsewhere"})
        assert ended.output == b"/elsewhere"

    def test_environment_of_this_process_is_not_inherited(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            output = run(pod, "env").output
        assert b"PYTEST_CURRENT_TEST=" not in output

    def test_working_directory(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            path = pod.directory("~/a dir/é", environment={}, user="", create=True)
            assert run(pod, "pwd", working_dir=path).output == path.encode() + b"\n"

    def test_missing_working_directory(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            config = ExecConfig(argv=["true"], output=Collected(), working_dir="/no/such/place")
            raises(
                BadRequest, lambda: finish(pod.exec(config)), "a working directory that is missing"
            )

    def test_signal_reaches_what_was_started(self, driver: ExecutorDriver) -> None:
        script = """
            trap 'wait; echo parent; exit 9' TERM
            sh -c 'trap "echo child; exit 0" TERM; echo on; while :; do sleep 0.05 || :; done' &
            while :; do sleep 0.05 || :; done
        """
        with self.pod(driver) as pod:
            job, output = start(pod, script)
            until(job, output, b"on\n")
            job.signal(signal.SIGTERM)
            assert finish(job) == 9
            assert {b"child", b"on", b"parent"} <= set(bytes(output.data).split())

    def test_signal_is_for_one_exec(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            first, first_output = start(pod, "echo on; sleep 60")
            second, second_output = start(pod, "echo on; sleep 60")
            until(first, first_output, b"on\n")
            until(second, second_output, b"on\n")
            first.signal(signal.SIGKILL)
            assert finish(first) == 128 + signal.SIGKILL
            assert second.wait(0.1) is None, "the other exec was signalled too"

    def test_signal_after_the_end(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            job, _ = start(pod, "true")
            assert finish(job) == 0
            job.signal(signal.SIGTERM)


class _Held:
    """A source that yields a line when it is let go."""

    def __init__(self) -> None:
        self._lines = [b"line\n"]
        self._free = threading.Event()

    def let_go(self) -> None:
        self._free.set()

    def read(self, size: int = -1, /) -> bytes:
        self._free.wait(PATIENCE)
        return self._lines.pop() if self._lines else b""
