"""Planning a brief for a workflow's provider and platforms."""

from __future__ import annotations

from collections.abc import Sequence

from reelwork.errors import WorkflowInvalid
from reelwork.planning.destinations import check_copy, unused_alt_text
from reelwork.planning.job_state import data_for
from reelwork.planning.plan import Plan, make_plan
from reelwork.planning.post_prices import any_priced, post_costs
from reelwork.planning.reference_files import check_references
from reelwork.planning.targets import with_targets
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Brief, Platform


def plan_brief(pipeline: Pipeline, brief: Brief, where: str = "") -> Plan:
    """Plan a brief for this workflow's provider. Raises `PlanRefused`, `NotFound` or `WorkflowInvalid`.

    Raises `PluginInvalid` when a destination cannot say what a post costs.
    """
    own = pipeline.own_platforms()
    # By a platform's one name: `x` and `twitter` are one job, not two that are both paid for.
    platforms: dict[str, Platform] = {}
    for name in brief.platforms:
        platform = pipeline.catalog.platform(name, own)
        known = platforms.setdefault(platform.name, platform)
        if known is not platform and known != platform:
            raise WorkflowInvalid(
                f"{where or 'The brief'} names two platforms that are both called {platform.name!r}.",
                money="Nothing was sent.",
                hint="Make them in two runs, or write one under a name of your own: [platform.NAME].",
            )
    config = pipeline.provider.config
    can = pipeline.provider.capabilities(brief.model or config.model)
    # The plan first: it lists all that is refused, where a missing file is one thing at a time.
    problem = pipeline.provider.options_problem(brief.options)
    quote = pipeline.provider.price if pipeline.provider.names_prices and not problem else None

    def planned(asked: Brief, wanted: Sequence[Platform]) -> Plan:
        return make_plan(
            asked, wanted, can, config, pipeline.provider_name, where=where, options_problem=problem, quote=quote
        )

    plan = planned(brief, list(platforms.values()))
    check_copy(pipeline, brief, where)
    check_references(brief, pipeline.loaded, can, pipeline.provider_name, where)
    if note := unused_alt_text(pipeline, brief):
        plan = plan.replace(jobs=tuple(job.replace(notes=(*job.notes, note)) for job in plan.jobs))
    plan = with_targets(pipeline, plan, where, lambda asked, one: planned(asked, [one] if one else []))
    return _with_posts_priced(pipeline, plan) if any_priced(pipeline) else plan


def _with_posts_priced(pipeline: Pipeline, plan: Plan) -> Plan:
    name, provider = pipeline.workflow.name, pipeline.provider_name
    datas = (data_for(job, workflow=name, provider=provider, brief=plan.brief, row=None) for job in plan.jobs)
    costs = (post_costs(pipeline, data) for data in datas)
    return plan.replace(
        jobs=tuple(job.replace(post_costs=cost) for job, cost in zip(plan.jobs, costs, strict=True))
    )
