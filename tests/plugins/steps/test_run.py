from __future__ import annotations

from typing import Any

import pytest

from ostler.errors import BadRequest
from ostler_steps.models import RunStep
from ostler_steps.run import run

Context = Any


def test_the_task_decides_unless_the_step_does(context: Context) -> None:
    assert run(RunStep(command="echo $0 $-; exit 4"), context) == 4
    assert context.execs == [
        {
            "argv": ("/bin/sh", "-e"),
            "script": b"echo $0 $-; exit 4",
            "environment": {},
            "working_dir": None,
            "user": None,
            "tty": True,
        }
    ]


def test_what_the_step_says_is_passed_on(context: Context) -> None:
    step = RunStep(
        command="true",
        environment={"A": "b"},
        working_dir="sub",
        shell="/bin/sh -e -u",
        user="builder",
        tty=False,
    )
    assert run(step, context) == 0
    assert context.execs == [
        {
            "argv": ("/bin/sh", "-e", "-u"),
            "script": b"true",
            "environment": {"A": "b"},
            "working_dir": "sub",
            "user": "builder",
            "tty": False,
        }
    ]


@pytest.mark.parametrize(("shell", "message"), [("sh '", "cannot be split"), (" ", "no program")])
def test_a_shell_that_is_none(context: Context, shell: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        run(RunStep(command="true", shell=shell), context)
