"""What steps do in the pod: workspaces, caches, captures."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import Any

import pytest

from ostler.errors import BadRequest, Conflict
from ostler.runs.config import StepConfig
from ostler.runs.model import OutputPhase, Status
from ostler.services.api import WorkspaceArchive

Bench = Any


def save(source_dir: str = ".", dest_dir: str = ".", *paths: str) -> StepConfig:
    content = {"source_dir": source_dir, "dest_dir": dest_dir, "paths": paths or ["**"]}
    return StepConfig(
        type="save_to_workspace", name="", config={"contents": [content]}, archives=True
    )


def restore(dest_dir: str = ".") -> StepConfig:
    return StepConfig(type="restore_workspace", name="", config={"dest_dir": dest_dir})


def save_cache(key: str, source_dir: str = ".") -> StepConfig:
    contents = [{"source_dir": source_dir}]
    return StepConfig(type="save_cache", name="", config={"key": key, "contents": contents})


def restore_cache(*keys: str, dest_dir: str = ".") -> StepConfig:
    config = {"keys": keys, "dest_dir": dest_dir}
    return StepConfig(type="restore_cache", name="", config=config)


def archive_of(report: Any, step: int, name: str) -> WorkspaceArchive:
    return WorkspaceArchive(name, report.task_id, step)


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, target, 0o644
    return made


# --- workspaces


def test_a_workspace_goes_from_task_to_task(bench: Bench) -> None:
    saved = bench.succeed(
        "mkdir -p dist/sub; echo one > dist/a; echo two > dist/sub/b; chmod 750 dist/a; ln -s a dist/l",
        save("dist", "/out/"),
    )
    assert saved.steps[1].archive is OutputPhase.FINISHED
    assert saved.steps[0].archive is None
    restored = bench.succeed(
        restore("here"),
        "cd here/out; cat a sub/b l; ls -l a | cut -c1-10",
        archives=[archive_of(saved, 1, "build")],
    )
    assert bench.log(restored) == "restoring what task build saved\n"
    assert bench.log(restored, 1) == "one\ntwo\none\n-rwxr-x---\n"


def test_what_is_overwritten_is_said(bench: Bench) -> None:
    one = bench.succeed("echo 1 > both; echo 1 > one", save())
    two = bench.succeed("echo 2 > both; echo 2 > mine", save())
    archives = [archive_of(one, 1, "a"), archive_of(two, 1, "b")]
    restored = bench.succeed(
        "echo 0 > mine; mkdir d", restore(), "cat both one mine", archives=archives
    )
    assert bench.log(restored, 1).splitlines() == [
        "restoring what task a saved",
        "restoring what task b saved",
        "both from task b overwrites that of task a",
        "mine from task b overwrites what was there",
    ]
    assert bench.log(restored, 2) == "2\n1\n2\n"


def test_nothing_that_matches_fails_the_step_and_leaves_no_archive(
    bench: Bench, eventually: Any
) -> None:
    report = bench.run("mkdir dist", save("dist", ".", "*.whl"))
    assert report.status is Status.FAILED
    assert "matches '*.whl'" in bench.log(report, 1)
    assert report.steps[1].archive is OutputPhase.NOTSTARTED
    assert bench.runservice.archives == {}
    eventually(lambda: bench.files() == [])


@pytest.mark.parametrize(
    "members",
    [
        [(member("../escaped"), b"x")],
        [(member("/tmp/escaped"), b"x")],
        [(member("link", tarfile.SYMTYPE, "../.."), b"")],
        [(member("d", tarfile.SYMTYPE, "."), b""), (member("d/../../escaped"), b"x")],
        [(member("hard", tarfile.LNKTYPE, "../../secret"), b"")],
        [(member("null", tarfile.CHRTYPE), b"")],
    ],
    ids=["upwards", "absolute", "link", "through a link", "hard link", "device"],
)
def test_unpacking_never_leaves_the_destination(bench: Bench, members: Any) -> None:
    bench.runservice.archives["evil", 0] = tar(*members)
    report = bench.run(restore(), archives=[WorkspaceArchive("evil", "evil", 0)])
    assert report.status is Status.FAILED
    assert report.reason.startswith("step 'restore_workspace' failed: ")
    assert not list(bench.directory.parent.rglob("escaped"))


def test_an_archive_that_is_gone_is_named(bench: Bench) -> None:
    report = bench.run(restore(), archives=[WorkspaceArchive("build", "t9", 2)])
    assert report.status is Status.FAILED
    assert "the workspace archive that step 2 of task 'build' left is gone" in report.reason


def test_an_archive_waits_for_the_object_storage(bench: Bench, unavailable: Any) -> None:
    bench.runservice.fail["put_archive"] = [unavailable]
    bench.runservice.fail["open_archive"] = [unavailable]
    saved = bench.succeed("echo 1 > a", save())
    restored = bench.succeed(restore(), "cat a", archives=[archive_of(saved, 1, "x")])
    assert bench.log(restored, 1) == "1\n"
    assert "waiting for the object storage: the runservice is away" in bench.log(restored)


# --- caches


def test_a_cache_is_saved_once_and_the_newest_is_restored(bench: Bench) -> None:
    prefix = "/project/p1-"
    key = 'k-{{ sha256sum "lock" }}'
    make = "mkdir -p c; echo $N > c/n; echo same > lock"
    for number in ("1", "2"):
        bench.succeed(make, save_cache(key, "c"), environment={"N": number}, cache_prefix=prefix)
    digest = hashlib.sha256(b"same\n").hexdigest()
    assert list(bench.runservice.caches) == [f"{prefix}k-{digest}"]
    report = bench.succeed(
        restore_cache("nothing", "k-", dest_dir="~/deep/c"),
        "cat ~/deep/c/n",
        cache_prefix=prefix,
    )
    assert bench.log(report, 1) == "1\n"
    assert bench.log(report).splitlines() == [
        "no cache nothing",
        "restoring a cache that begins with k-",
    ]


def test_a_miss_is_no_failure(bench: Bench) -> None:
    report = bench.succeed(restore_cache("a", "b"))
    assert bench.log(report) == "no cache a\nno cache b\n"


def test_caches_wait_for_the_object_storage(
    bench: Bench, unavailable: Any, eventually: Any
) -> None:
    for name in ("find_cache", "put_cache"):
        bench.runservice.fail[name] = [unavailable]
    bench.succeed("echo 1 > a", save_cache("k"))
    assert list(bench.runservice.caches) == ["k"]
    eventually(lambda: bench.files() == [])


def test_cache_keys_know_the_pod(bench: Bench) -> None:
    key = '{{ md5sum "-f" }}.{{ env "A" }}.{{ env "B" }}.{{ os }}.{{ arch }}'
    report = bench.succeed(
        "printf x > ./-f; uname -s | tr A-Z a-z",
        save_cache(key),
        environment={"A": "task"},
        containers=(bench.container(environment={"A": "no", "B": "container"}),),
    )
    system = bench.log(report).strip()
    digest = hashlib.md5(b"x").hexdigest()
    [name] = bench.runservice.caches
    assert name.startswith(f"{digest}.task.container.{system}.")
    assert name.rpartition(".")[2]


def test_a_file_of_a_key_that_is_missing_is_named(bench: Bench) -> None:
    report = bench.run(save_cache('{{ md5sum "nope" }}'))
    assert report.status is Status.FAILED
    assert "'nope'" in report.reason
    assert "nope: No such file" in bench.log(report)


# --- processes


def test_capture_and_its_limit(bench: Bench) -> None:
    seen: list[Any] = []

    def step(config: Any, context: Any) -> int:
        seen.append(
            context.capture(
                ("/bin/sh",), script=b"cat; echo err >&2; exit 3", stdin=io.BytesIO(b"in")
            )
        )
        with pytest.raises(BadRequest, match="more than 1000 bytes"):
            context.capture(("/bin/sh",), script=b"while :; do echo more; done", limit=1000)
        return 0

    bench.add_step("capture", step)
    bench.new_service()
    report = bench.succeed(StepConfig(type="capture", name=""))
    assert seen == [(3, b"in")]
    assert bench.log(report) == "err\n"


def test_a_step_learns_that_it_is_cancelled(bench: Bench) -> None:
    codes: list[str] = []

    def step(config: Any, context: Any) -> int:
        context.log("ready")
        try:
            context.exec(("/bin/sh",), script=b"sleep 60")
        except Conflict as error:
            codes.append(error.code)
            raise
        return 0

    bench.add_step("waits", step)
    bench.start(limit=1)
    task = bench.task(StepConfig(type="waits", name=""))
    bench.runservice.give(task)
    bench.runservice.wait_for(lambda: task.id in bench.runservice.states)
    bench.runservice.stop(task.id)
    assert bench.runservice.end_of(task.id).status is Status.STOPPED
    assert codes == ["cancelled"]


def test_directories(bench: Bench) -> None:
    seen: dict[str, str] = {}

    def step(config: Any, context: Any) -> int:
        for path in ("sub", "~/x", "/etc", "$WHERE/y", "~"):
            seen[path] = context.directory(path)
        assert context.environment == {"WHERE": "/srv"}
        assert (context.shell, context.cancel.is_set()) == ("/bin/sh -e", False)
        return 0

    bench.add_step("look", step)
    bench.new_service()
    bench.succeed(StepConfig(type="look", name=""), environment={"WHERE": "/srv"})
    home = seen.pop("~")
    assert seen == {
        "sub": f"{home}/project/sub",
        "~/x": f"{home}/x",
        "/etc": "/etc",
        "$WHERE/y": "/srv/y",
    }
