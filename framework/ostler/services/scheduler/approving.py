"""Tasks that wait for people."""

from __future__ import annotations

from collections.abc import Iterable

from ostler.runs import actions
from ostler.runs.config import RunConfig
from ostler.runs.model import Run
from ostler.runs.views import run_view, task_view
from ostler.services.policies import Policies

__all__ = ["approve_waiting"]


def approve_waiting(
    run: Run, config: RunConfig, task_ids: Iterable[str], policies: Policies
) -> tuple[Run, list[str]]:
    """Approve those of ``task_ids`` that wait and have enough approvers; return run and their ids."""
    approved: list[str] = []
    for task_id in task_ids:
        task = run.tasks[task_id]
        if not task.waiting_approval or task.approved:
            continue
        view = task_view(run, config, task_id)
        needed = policies.required_approvals(run_view(run), view)
        if len(actions.approvers(task)) >= needed:
            run = actions.approve(run, task_id)
            approved.append(task_id)
    return run, approved
