"""Planning a brief for a workflow's provider and platforms."""

from __future__ import annotations

from reelwork.planning.destinations import check_copy
from reelwork.planning.plan import Plan, make_plan
from reelwork.planning.reference_files import check_references
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Brief


def plan_brief(pipeline: Pipeline, brief: Brief, where: str = "") -> Plan:
    """Plan a brief for this workflow's provider. Raises `PlanRefused`, `NotFound` or `WorkflowInvalid`."""
    own = pipeline.own_platforms()
    # By a platform's one name: `x` and `twitter` are one job, not two that are both paid for.
    names = dict.fromkeys(pipeline.catalog.platform(name, own).name for name in brief.platforms)
    platforms = [pipeline.catalog.platform(name, own) for name in names]
    config = pipeline.provider.config
    can = pipeline.provider.capabilities(brief.model or config.model)
    # The plan first: it lists all that is refused, where a missing file is one thing at a time.
    problem = pipeline.provider.options_problem(brief.options)
    plan = make_plan(
        brief, platforms, can, config, pipeline.provider_name, where=where, options_problem=problem,
        quote=pipeline.provider.price if pipeline.provider.names_prices and not problem else None,
    )  # fmt: skip
    check_copy(pipeline, brief, where)
    check_references(brief, pipeline.loaded, can, pipeline.provider_name, where)
    return plan
