"""The rules that hold in every store, as SQL queries for the exceptions.

The first column of each names what breaks the rule.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from reelwork.store.sqlite.maintenance.findings import Finding, Level
from reelwork.store.sqlite.schema import KEEPS_REMOVED
from reelwork.store.sqlite.sql_list import sql_list
from reelwork.store.statuses import BEFORE_SUBMIT, ENDED, GOES_ON, Status

REPORT_IT = "This is a fault in Reelwork or damage to the file; please report it with: reelwork store check --json"


@dataclass(frozen=True)
class Question:
    """A rule, and what it means when it is broken."""

    kind: str
    level: Level
    what: str
    means: str
    hint: str
    sql: str
    since: int = 1
    """The schema version that has the tables asked about."""


QUESTIONS = (
    Question(
        "stuck-job",
        "trouble",
        "Active jobs that nothing will ever wake",
        "What was paid for stays at the provider and is not fetched. Nothing is paid or posted again.",
        f"`reelwork jobs show ID` names the render; `reelwork jobs cancel ID` ends the job. {REPORT_IT}",
        """
        SELECT jobs.id FROM jobs LEFT JOIN renders ON renders.id = jobs.render_id
        WHERE status = 'active' AND jobs.due_at IS NULL AND blocked_on IS NULL AND renders.due_at IS NULL
        """,
    ),
    Question(
        "stuck-at-gate",
        "trouble",
        "Jobs that wait for a slot of an account whose gate is missing",
        "They are not sent. Nothing is paid or posted again.",
        f"`reelwork jobs cancel ID` ends the job. {REPORT_IT}",
        """
        SELECT id FROM jobs WHERE status = 'active' AND due_at IS NULL AND blocked_on IS NOT NULL
          AND blocked_on NOT IN (SELECT account FROM gates)
        """,
        since=3,
    ),
    Question(
        "render-not-kept",
        "trouble",
        "Requests that a provider accepted and whose render is not kept",
        "It is paid for and nobody waits for the video. It is not requested again automatically.",
        f"Fetch the video at the provider under the id that `reelwork jobs show ID` names. {REPORT_IT}",
        f"""
        SELECT key FROM effects WHERE kind = 'submit' AND state = 'confirmed'
          AND job_id IN (SELECT id FROM jobs)
          AND (job_id, remote_id) NOT IN (SELECT job_id, remote_id FROM renders)
          AND job_id NOT IN (SELECT id FROM jobs WHERE status IN {sql_list(GOES_ON)}
            AND step IN {sql_list(BEFORE_SUBMIT)})
        """,
    ),
    Question(
        "render-without-job",
        "trouble",
        "Renders that no job has, or jobs whose render is not kept",
        "The video is paid for and belongs to nobody.",
        f"Fetch it at the provider if it is wanted. {REPORT_IT}",
        """
        SELECT id FROM renders WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = renders.job_id)
        UNION SELECT render_id FROM jobs WHERE render_id IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM renders WHERE renders.id = jobs.render_id)
        """,
    ),
    Question(
        "claimed-twice",
        "trouble",
        "Videos or posts claimed by more than one effect",
        "Two jobs hold one video or post for theirs: one of them was not made.",
        f"`reelwork jobs show ID` for both shows which; make the other one again as a new job. {REPORT_IT}",
        """
        SELECT account || ' ' || remote_id FROM effects
        WHERE remote_id IS NOT NULL AND remote_id <> '' AND state IN ('confirmed', 'unknown')
        GROUP BY account, kind, remote_id HAVING count(*) > 1
        """,
    ),
    Question(
        "money-not-counted",
        "trouble",
        "Requests and posts that may have cost money no budget counts",
        "Budgets may let more be spent than they say.",
        f"Compare with the provider's bill. {REPORT_IT}",
        """
        SELECT key FROM effects WHERE (kind = 'submit' OR money <> 'none') AND (
          (state IN ('sent', 'unknown') AND money NOT IN ('reserved', 'charged') AND charged IS NULL)
          OR (state = 'confirmed' AND money NOT IN ('reserved', 'charged') AND coalesce(charged, -1) <> 0)
          OR (money = 'charged' AND charged IS NULL))
        """,
    ),
    Question(
        "money-counted-in-vain",
        "trouble",
        "Effects counted in budgets though nothing was bought",
        "Budgets let less be spent than they could. Nothing is paid twice.",
        REPORT_IT,
        """
        SELECT key FROM effects WHERE (state = 'rejected' AND money = 'reserved')
          OR (state = 'intended' AND money = 'charged')
          OR (kind <> 'submit' AND money <> 'none' AND reserved IS NULL AND charged IS NULL)
        """,
    ),
    Question(
        "unknown-state",
        "trouble",
        "Effects or jobs in a state this Reelwork does not know",
        "Its outcome cannot be known. Nothing is sent for it.",
        REPORT_IT,
        f"""
        SELECT key FROM effects
        WHERE state NOT IN ('intended', 'sent', 'confirmed', 'rejected', 'unknown')
          OR money NOT IN ('none', 'reserved', 'charged', 'released')
        UNION SELECT id FROM jobs WHERE status NOT IN {sql_list(Status)}
        """,
    ),
    Question(
        "act-without-job",
        "trouble",
        "Effects in the ledger that belong to no job",
        "What was paid or posted is still counted, but no job shows it.",
        REPORT_IT,
        """
        SELECT key FROM effects WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = effects.job_id)
          AND NOT EXISTS (SELECT 1 FROM removed_jobs WHERE removed_jobs.job_id = effects.job_id)
        """,
        since=KEEPS_REMOVED,
    ),
    Question(
        "made-again",
        "trouble",
        "Jobs that were removed and then made again",
        "It may have been paid for twice.",
        REPORT_IT,
        "SELECT jobs.id FROM jobs JOIN removed_jobs ON removed_jobs.key = jobs.key",
        since=KEEPS_REMOVED,
    ),
    Question(
        "open-act-of-ended-job",
        "note",
        "Effects of unknown outcome whose job has ended",
        "It may have been carried out. Its money stays counted; it is not sent again.",
        "If you know the outcome: reelwork jobs resolve ID",
        f"""
        SELECT effects.key FROM effects JOIN jobs ON jobs.id = effects.job_id
        WHERE effects.state IN ('sent', 'unknown') AND jobs.status IN {sql_list(ENDED)}
        """,
    ),
)


def broken_rules(db: sqlite3.Connection, version: int) -> Iterator[Finding]:
    """Yield each rule that does not hold, with what breaks it."""
    for question in QUESTIONS:
        if question.since > version:
            continue
        names = tuple(str(row[0]) for row in db.execute(question.sql))
        if names:
            what = f"{question.what}: {len(names)}."
            yield Finding(question.kind, question.level, what, question.means, question.hint, names)
