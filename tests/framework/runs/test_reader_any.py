"""Whatever a document holds, reading it gives runs or problems: nothing else is raised."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ostler.runs.reader import ConfigError, Source
from ostler.runs.reader.conditions import KINDS
from ostler.runs.reader.node import Node, Reading, Scope
from ostler.runs.reader.pods import CONTAINER_KEYS, CREDENTIALS, RUNTIME_KEYS
from ostler.runs.reader.runs import FILE_KEYS, RUN_KEYS, read_runs
from ostler.runs.reader.tasks import TASK_KEYS
from ostler.spi.configs import Document

from .conftest import STEP_TYPES

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.floats(),
    st.sampled_from(
        ["", "a", "b", "on_success", "10m", "amd64", "/(/", "/a/", "basic", "run", "\0"]
    ),
)
STEP_KEYS = ("run", "clone", "type", "name", "command", "when", "contents", "tty", "depth")
OTHERS = ("task", "conditions", "from_variable", "include", "exclude", "path", "tmpfs", "size")
words = st.sampled_from(
    [*RUNTIME_KEYS, *CONTAINER_KEYS, *CREDENTIALS, *KINDS, *STEP_KEYS, *OTHERS, "a", "b", ""]
)
anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(words, below, max_size=3),
    max_leaves=8,
)


def entry(keys: tuple[str, ...], below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    wild = st.dictionaries(st.sampled_from(keys), anything, max_size=4)
    return st.one_of(anything, st.builds(lambda a, b: {**a, **b}, wild, below))


names = st.fixed_dictionaries({"name": st.sampled_from(["a", "b", "c"])})
tasks = st.lists(entry(TASK_KEYS, names), max_size=3)
runs = st.lists(
    entry(RUN_KEYS, st.fixed_dictionaries({"name": scalars, "tasks": tasks})), max_size=2
)
files = entry(FILE_KEYS, st.fixed_dictionaries({"runs": runs}))


@given(files)
def test_every_document_gives_runs_or_problems(value: Any) -> None:
    reading = Reading(
        file="x.yml",
        document=Document(value),
        step_types=STEP_TYPES,
        variables={"a": "b"},
        source=Source(branch="a"),
    )
    found = read_runs(Node(value, (), Scope(), reading))
    if reading.problems:
        assert found == ()
        assert str(ConfigError(reading.problems)).count("\n") >= len(reading.problems) - 1
    else:
        assert len(found) == len(value["runs"])
