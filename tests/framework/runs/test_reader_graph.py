import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.runs.reader.graph import cycles, levels

Graph = dict[str, Sequence[str]]

NODES = [chr(ord("a") + number) for number in range(7)]


@st.composite
def graphs(draw: st.DrawFn, *, acyclic: bool = False) -> Graph:
    names = draw(st.permutations(NODES))
    return {
        name: draw(
            st.lists(st.sampled_from(names[:index] if acyclic else names), unique=True)
            if index or not acyclic
            else st.just([])
        )
        for index, name in enumerate(names)
    }


def reach(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead.extend(graph[name])
    return seen


@given(graphs())
def test_every_cycle_that_is_named_is_one(graph: Graph) -> None:
    for cycle in cycles(graph):
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(b in graph[a] for a, b in itertools.pairwise(cycle))


@given(graphs())
def test_every_task_of_a_cycle_hangs_together_with_one_that_is_named(graph: Graph) -> None:
    named = {name for cycle in cycles(graph) for name in cycle}
    for name in graph:
        together = {other for other in reach(graph, name) if name in reach(graph, other)}
        assert bool(together) == bool(together & named)


@given(graphs(acyclic=True))
def test_a_level_is_one_more_than_the_highest_parent(graph: Graph) -> None:
    level = levels(graph)
    assert cycles(graph) == []
    for name, parents in graph.items():
        assert level[name] == max((level[parent] + 1 for parent in parents), default=0)


def test_a_cycle_is_named_in_full() -> None:
    graph = {"a": ["b"], "b": ["c"], "c": ["b"], "d": ["d2"], "d2": ["d"]}
    assert cycles(graph) == [["b", "c", "b"], ["d", "d2", "d"]]


@pytest.mark.parametrize("forwards", [True, False])
def test_a_chain_may_be_of_any_length(forwards: bool) -> None:
    names = [f"t{number}" for number in range(10_000)]
    graph: Graph = {name: names[index - 1 : index] for index, name in enumerate(names)}
    if not forwards:
        graph = dict(reversed(graph.items()))
    assert cycles(graph) == []
    assert levels(graph) == {name: index for index, name in enumerate(names)}


def test_a_cycle_through_ten_thousand_tasks_is_found() -> None:
    names = [f"t{number}" for number in range(10_000)]
    graph: Graph = {name: [names[index - 1]] for index, name in enumerate(names)}
    [cycle] = cycles(graph)
    assert len(cycle) == 10_001
