from dataclasses import replace

from ostler.runs.config import RunConfig
from ostler.runs.graph import graph_of

from .strategies import config_of, graph, task


def diamond() -> RunConfig:
    return graph(task("z"), task("b", "z"), task("a", "z"), task("end", "b", "a"))


def test_tasks_are_in_order_of_level_then_name() -> None:
    assert graph_of(diamond()).order == ("z", "a", "b", "end")


def test_names_decide_before_ids() -> None:
    tasks = [replace(task(one), name=name) for one, name in (("1", "z"), ("2", "a"))]
    assert graph_of(config_of(tasks)).order == ("2", "1")


def test_tasks_of_one_name_are_in_order_of_their_ids() -> None:
    twins = [replace(task(one), name="same") for one in ("2", "1")]
    assert graph_of(config_of(twins)).order == ("1", "2")


def test_parents_and_children_are_in_order() -> None:
    found = graph_of(diamond())
    assert found.parents == {"z": (), "a": ("z",), "b": ("z",), "end": ("a", "b")}
    assert found.children == {"z": (1, 2), "a": (3,), "b": (3,), "end": ()}
    assert found.roots == (0,)


def test_the_graph_of_a_config_is_worked_out_once() -> None:
    config = diamond()
    assert graph_of(config) is graph_of(config)


def test_two_configs_of_one_id_have_graphs_of_their_own() -> None:
    assert graph_of(graph(task("a"))).order == ("a",)
    assert graph_of(graph(task("b"))).order == ("b",)
