"""Stops all posts, or those to some place, and starts them again."""

from __future__ import annotations

from collections.abc import Iterable

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.definition import Definition
from reelwork.plugins.freezing import destinations_in
from reelwork.settings.paths import brands_of_settings
from reelwork.store.post_stops import EVERYTHING, PostStop, brand_of, brand_scope
from reelwork.store.protocol import Store
from reelwork.store.reader import SyncReader
from reelwork.store.records import ACTIVE, HELD
from reelwork.text import one_line

LONGEST_NOTE = 200
"""Characters of a note."""


async def stop(
    store: Store, scope: str | None, now: float, *, known: Iterable[str], by: str = "", note: str = ""
) -> PostStop:
    """Let no post leave from now on; with a scope, none to this destination, publisher or account, or of a brand.

    Posts that have left go on. Raises `NotFound` for a scope that nothing is called by, and `WorkflowInvalid`.
    """
    names = set(known)
    # A stop of a mistyped name would stop nothing, and nobody would notice.
    if scope is not None and scope not in names:
        raise _unknown(scope, names)
    if len(note) > LONGEST_NOTE:
        raise WorkflowInvalid(f"note: {len(note)} characters; {LONGEST_NOTE} are allowed.")
    made = PostStop(EVERYTHING if scope is None else scope, now, one_line(by), one_line(note))
    await store.stop_posts(made)
    return made


async def start(store: Store, scope: str | None) -> list[PostStop]:
    """Let posts leave again: those of one scope, or all. Return the stops that were taken away.

    Raises `WorkflowInvalid` for a scope that is not stopped.
    """
    stops = store.post_stops()
    chosen = [one for one in stops if scope is None or one.scope == scope]
    if scope is not None and not chosen:
        all_are = any(one.scope == EVERYTHING for one in stops)
        hint = "All posts are: reelwork posts start" if all_are else "See what is: reelwork posts list"
        what = f"Posts of {brand!r}" if (brand := brand_of(scope)) else f"Posts to {scope!r}"
        raise WorkflowInvalid(f"{what} are not stopped by that name.", hint=hint)
    return [one for one in chosen if await store.start_posts(one.scope)]


def _unknown(scope: str, names: Iterable[str]) -> NotFound:
    if brand := brand_of(scope):
        return NotFound("brand", brand, [found for name in names if (found := brand_of(name))])
    return NotFound("destination, publisher or account", scope, [name for name in names if not brand_of(name)])


def brands_in_use(store: SyncReader) -> set[str]:
    """Return the scopes of the brands that posts can be stopped of: those of `reelwork.toml`, and of any run."""
    return {brand_scope(brand) for brand in (*brands_of_settings(), *store.brands())}


def names_in_use(store: SyncReader, catalog: Catalog, accounts: Iterable[str]) -> set[str]:
    """Return the names that posts can be stopped by: destinations of open jobs, publishers and accounts."""
    loaded = (one for one in catalog.everything() if isinstance(one, Definition))
    names = {one.name for one in loaded if "publish" in one.hooks}
    for run_id in store.runs_with((ACTIVE, HELD)):
        if (run := store.run(run_id)) is not None:
            names.update(destinations_in(run.frozen))
    return names.union(accounts)
