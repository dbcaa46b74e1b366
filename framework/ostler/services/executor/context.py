"""What a step may do, done in the pod of its task."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ostler.archives import Selection, pack, rewrite
from ostler.errors import BadRequest, NotFound, Unavailable
from ostler.services.api import ExecutorTask, WorkspaceArchive
from ostler.spi.executor import Cancel, Exec, ExecConfig, Output, Pod
from ostler.spi.steps import ArchiveContent, StepContext
from ostler.spi.storage import Body, Readable

from .cachekeys import render
from .files import TaskFiles
from .keysource import PodKeySource
from .logs import LogFile
from .overwrites import Overwrites
from .processes import Capture, cancelled, run_process
from .shared import Shared
from .streams import CancellableBody, CancellableSource, LazyBody, spool

__all__ = ["PodStepContext", "TaskPod"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPod:
    """A task in its pod, made ready for the steps.

    :param environment: of the task and of the run; the container's own comes beneath.
    :param working_dir: absolute.
    """

    task: ExecutorTask
    pod: Pod
    environment: Mapping[str, str]
    working_dir: str
    cancel: Cancel
    files: TaskFiles


class PodStepContext(StepContext):
    """The context of one step.

    :param number: of the step.
    :param keep_archive: called when the step has left its workspace archive on the disk.
    """

    def __init__(
        self,
        shared: Shared,
        home: TaskPod,
        number: int,
        log: LogFile,
        keep_archive: Callable[[], None],
    ) -> None:
        self._shared = shared
        self._home = home
        self._number = number
        self._log = log
        self._keep_archive = keep_archive
        self._overwrites: dict[str, Overwrites] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        return self._home.environment

    @property
    def working_dir(self) -> str:
        return self._home.working_dir

    @property
    def shell(self) -> str:
        return self._home.task.config.shell

    @property
    def cancel(self) -> Cancel:
        return self._home.cancel

    def log(self, text: str) -> None:
        self._log.line(text)

    # --- processes

    def exec(
        self,
        argv: Sequence[str],
        *,
        script: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        working_dir: str | None = None,
        user: str | None = None,
        tty: bool = False,
        stdin: Readable | None = None,
    ) -> int:
        own = self._home.environment
        config = ExecConfig(
            argv=argv,
            output=self._log,
            script=script,
            environment={**own, **environment} if environment else own,
            working_dir=self.directory(working_dir) if working_dir else self.working_dir,
            user=user or self._user,
            tty=tty,
            stdin=stdin,
        )
        return self._run(config)

    def capture(
        self,
        argv: Sequence[str],
        *,
        script: bytes | None = None,
        stdin: Readable | None = None,
        working_dir: str | None = None,
        limit: int = 1 << 20,
    ) -> tuple[int, bytes]:
        output = Capture(limit)
        where = self.directory(working_dir) if working_dir else self.working_dir
        config = self._config(argv, output, script=script, stdin=stdin, working_dir=where)
        code = self._run(config, output.started)
        if output.exceeded:
            raise BadRequest(f"{argv[0]} wrote more than {limit} bytes, which is all that is read")
        return code, output.data

    def stream(self, argv: Sequence[str], output: Output) -> int:
        """Run a process whose standard output goes to ``output``; return its exit code."""
        return self._run(self._config(argv, output, working_dir=self.working_dir))

    def _config(
        self,
        argv: Sequence[str],
        output: Output,
        *,
        working_dir: str,
        script: bytes | None = None,
        stdin: Readable | None = None,
    ) -> ExecConfig:
        return ExecConfig(
            argv=argv,
            output=output,
            error=self._log,
            script=script,
            environment=self.environment,
            working_dir=working_dir,
            user=self._user,
            stdin=stdin,
        )

    def _run(self, config: ExecConfig, started: Callable[[Exec], None] | None = None) -> int:
        return run_process(self._home.pod, config, self.cancel, self._shared.grace, started)

    @property
    def _user(self) -> str:
        return self._home.task.config.user

    # --- files

    def directory(self, path: str, *, create: bool = False) -> str:
        if not path.startswith(("/", "~", "$")):
            path = f"{self.working_dir}/{path}"
        return self._home.pod.directory(
            path, environment=self.environment, user=self._user, create=create
        )

    def pack(self, contents: Sequence[ArchiveContent]) -> Body:
        selections = [
            Selection(
                source_dir=self.directory(content.source_dir),
                dest_dir=content.dest_dir,
                paths=content.paths,
            )
            for content in contents
        ]
        return CancellableBody(pack(selections, self._home.pod.get_archive), self.cancel)

    def unpack(self, source: Readable, dest_dir: str, *, origin: str = "") -> None:
        path = self.directory(dest_dir, create=True)
        overwrites = self._overwrites.get(path)
        if overwrites is None:
            overwrites = self._overwrites[path] = Overwrites(self._listing(path))
        with rewrite(CancellableSource(source, self.cancel), overwrites.of(origin)) as body:
            self._home.pod.put_archive(path, body, user=self._user)
        overwrites.tell(self.log)

    def _listing(self, path: str) -> bytes:
        """Return the names below a directory, each ended by a NUL, those of directories by ``/`` and NUL."""
        output = Capture(1 << 28)
        config = self._config(("/bin/sh",), output, script=_LISTING, working_dir=path)
        self._run(config, output.started)
        return output.data

    # --- workspaces

    def save_workspace(self, source: Readable) -> None:
        path = self._home.files.archive(self._number)
        self._home.files.made(path)
        spool(source, path)
        self._keep_archive()

    def workspace_archives(self) -> Sequence[tuple[str, Body]]:
        archives = self._home.task.archives
        return [(item.task_name, LazyBody(partial(self._archive, item))) for item in archives]

    def _archive(self, archive: WorkspaceArchive) -> Body:
        try:
            return self._patiently(lambda: self._shared.client.open_archive(archive))
        except NotFound as error:
            raise NotFound(
                f"the workspace archive that step {archive.step} of task {archive.task_name!r} "
                "left is gone: restart the run from scratch"
            ) from error

    # --- caches

    def render_cache_key(self, template: str) -> str:
        containers = self._home.task.config.containers
        beneath = containers[0].environment if containers else {}
        source = PodKeySource(self, {**beneath, **self.environment}, self._shared.clock)
        return render(template, source)

    def find_cache(self, key: str, *, prefix: bool) -> str | None:
        name = self._cache(key)
        return self._patiently(lambda: self._shared.client.find_cache(name, prefix=prefix))

    def open_cache(self, name: str) -> Body:
        return self._patiently(lambda: self._shared.client.open_cache(name))

    def save_cache(self, key: str, source: Readable) -> bool:
        path = self._home.files.scratch()
        spool(source, path)
        try:
            return self._patiently(lambda: self._put_cache(key, path))
        finally:
            os.unlink(path)

    def _put_cache(self, key: str, path: str) -> bool:
        with open(path, "rb") as source:
            return self._shared.client.put_cache(
                self._cache(key), CancellableSource(source, self.cancel)
            )

    def _cache(self, key: str) -> str:
        return self._home.task.cache_prefix + key

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call until the runservice can be reached, or the task is cancelled."""
        attempt = 0
        while True:
            try:
                return call()
            except Unavailable as error:
                if attempt == 0:
                    self.log(f"waiting for the object storage: {error.message}")
                if self.cancel.wait(self._shared.backoff(attempt)):
                    raise cancelled() from error
                attempt += 1


_LISTING = rb"""
walk() {
  for entry in "$1"* "$1".[!.]* "$1"..?*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    if [ -d "$entry" ] && [ ! -L "$entry" ]; then
      printf '%s/\0' "$entry"
      walk "$entry/"
    else
      printf '%s\0' "$entry"
    fi
  done
}
walk ""
"""
