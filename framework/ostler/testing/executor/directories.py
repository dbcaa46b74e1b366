from __future__ import annotations

from functools import partial

from ostler.errors import BadRequest
from ostler.spi import ExecutorDriver, Pod

from .steps import Base, raises, run

__all__ = ["DirectoryChecks"]


class DirectoryChecks(Base):
    """`Pod.directory`."""

    def test_directory_expands(self, driver: ExecutorDriver) -> None:
        with self.pod(driver, environment={"PLACE": "there"}) as pod:
            home = _directory(pod, "~")
            assert home.startswith("/"), "a directory is absolute"
            assert _home(pod) == home, "~ is what processes have as HOME"
            cases = {
                "~/a": f"{home}/a",
                "a/b": f"{home}/a/b",
                "$PLACE/x": f"{home}/there/x",
                "${PLACE}d": f"{home}/thered",
                "/$MORE/y": "/more/y",
                "~/with space/'\"": f"{home}/with space/'\"",
            }
            for path, expected in cases.items():
                assert _directory(pod, path, MORE="more") == expected, path

    def test_directory_takes_the_later_variable(self, driver: ExecutorDriver) -> None:
        with self.pod(driver, environment={"PLACE": "container"}) as pod:
            assert _directory(pod, "/$PLACE", PLACE="exec") == "/exec"

    def test_directory_is_made_when_asked_for(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            path = _directory(pod, "~/made/$X/é", create=True, X="deep er")
            assert _directory(pod, path, create=True) == path, "again, it is no error"
            other = _directory(pod, "~/not-made")
            script = 'test -d "$1"; test -w "$1"; test ! -e "$2"'
            ended = run(pod, f"set -- '{path}' '{other}'\n{script}")
        assert ended.code == 0

    def test_directory_that_is_a_file(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            assert (
                run(pod, "echo x > file", working_dir=_directory(pod, "~", create=True)).code == 0
            )
            for path in ("~/file", "~/file/below"):
                raises(BadRequest, partial(_directory, pod, path, create=True), path)


def _directory(pod: Pod, path: str, *, create: bool = False, **environment: str) -> str:
    return pod.directory(path, environment=environment, user="", create=create)


def _home(pod: Pod) -> str:
    return run(pod, 'printf "%s" "$HOME"').output.decode()
