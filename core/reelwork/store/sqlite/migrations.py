"""The migrations: what makes a store of each version one of the next."""

from __future__ import annotations

# A migration that was released is never changed: stores of every version before must become the same. What a new
# one does is written into `TABLES` too.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE runs (
      id TEXT PRIMARY KEY, key TEXT UNIQUE, workflow TEXT NOT NULL, frozen TEXT NOT NULL,
      created_at REAL NOT NULL
    ) STRICT;

    CREATE TABLE jobs (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL REFERENCES runs(id),
      key TEXT NOT NULL UNIQUE, status TEXT NOT NULL, step TEXT NOT NULL, due_at REAL,
      owner TEXT, lease_until REAL, fence INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
      data TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', render_id TEXT, blocked_on TEXT,
      created_at REAL NOT NULL, updated_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX jobs_due ON jobs(due_at, seq) WHERE status = 'active' AND due_at IS NOT NULL;
    CREATE INDEX jobs_leased ON jobs(owner) WHERE owner IS NOT NULL;
    CREATE INDEX jobs_by_run ON jobs(run_id, seq);
    CREATE INDEX jobs_blocked ON jobs(blocked_on, seq) WHERE blocked_on IS NOT NULL;
    CREATE INDEX jobs_waiting ON jobs(render_id) WHERE render_id IS NOT NULL;

    CREATE TABLE renders (
      id TEXT PRIMARY KEY, job_id TEXT NOT NULL, run_id TEXT NOT NULL, provider TEXT NOT NULL,
      account TEXT NOT NULL, remote_id TEXT NOT NULL, request TEXT NOT NULL, details TEXT NOT NULL,
      state TEXT NOT NULL, word TEXT NOT NULL DEFAULT '', progress REAL, error TEXT NOT NULL DEFAULT '',
      submitted_at REAL NOT NULL, due_at REAL, deadline_at REAL NOT NULL,
      overdue INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
      owner TEXT, lease_until REAL, fence INTEGER NOT NULL DEFAULT 0, expires_at REAL, ended_at REAL
    ) STRICT;
    CREATE INDEX renders_due ON renders(due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX renders_open ON renders(account) WHERE ended_at IS NULL;
    CREATE INDEX renders_remote ON renders(account, remote_id);

    CREATE TABLE effects (
      key TEXT PRIMARY KEY, kind TEXT NOT NULL, job_id TEXT NOT NULL, run_id TEXT NOT NULL,
      subject TEXT NOT NULL, account TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL,
      attempt INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL, sent_at REAL, settle_at REAL, sender TEXT,
      evidence TEXT NOT NULL DEFAULT '{}', prepared TEXT NOT NULL DEFAULT 'null',
      result TEXT NOT NULL DEFAULT 'null', remote_id TEXT, reason TEXT NOT NULL DEFAULT '',
      money TEXT NOT NULL, reserved INTEGER, charged INTEGER, updated_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX effects_by_job ON effects(job_id);
    CREATE INDEX effects_open ON effects(account, kind, fingerprint) WHERE state IN ('sent', 'unknown');
    CREATE INDEX effects_remote ON effects(account, kind, remote_id) WHERE remote_id IS NOT NULL;
    CREATE INDEX effects_money ON effects(created_at) WHERE money IN ('reserved', 'charged');

    CREATE TABLE calls (account TEXT NOT NULL, at REAL NOT NULL) STRICT;
    CREATE INDEX calls_at ON calls(account, at);

    CREATE TABLE events (
      seq INTEGER PRIMARY KEY, job_id TEXT NOT NULL, at REAL NOT NULL, name TEXT NOT NULL,
      details TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_by_job ON events(job_id, seq);
    """,
    # The request is large and read seldom. In the same row, a poll of many renders would rewrite megabytes.
    """
    CREATE TABLE render_requests (render_id TEXT PRIMARY KEY, request TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO render_requests(render_id, request) SELECT id, request FROM renders;
    ALTER TABLE renders DROP COLUMN request;
    CREATE INDEX jobs_open ON jobs(id) WHERE status = 'active';
    """,
    """
    CREATE TABLE gates (account TEXT PRIMARY KEY, opens_at REAL NOT NULL) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE removed_jobs (
      key TEXT PRIMARY KEY, job_id TEXT NOT NULL, run_id TEXT NOT NULL, status TEXT NOT NULL,
      created_at REAL NOT NULL, updated_at REAL NOT NULL, removed_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX renders_by_job ON renders(job_id);
    CREATE INDEX removed_jobs_by_id ON removed_jobs(job_id);
    CREATE INDEX jobs_ended ON jobs(updated_at, seq) WHERE status IN ('done', 'failed', 'rejected', 'cancelled');

    CREATE TABLE leftovers (pattern TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    """,
    # How an effect was sent, so that it is settled by that, and what lists showed of others, so that what they do
    # not show can be believed or not.
    """
    ALTER TABLE effects ADD COLUMN alias TEXT NOT NULL DEFAULT '';
    ALTER TABLE effects ADD COLUMN model TEXT NOT NULL DEFAULT '';
    ALTER TABLE effects ADD COLUMN spec TEXT NOT NULL DEFAULT '';
    ALTER TABLE effects ADD COLUMN asked TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE effects ADD COLUMN how TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE effects ADD COLUMN settle TEXT NOT NULL DEFAULT '';
    ALTER TABLE effects ADD COLUMN seen TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE effects ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE effects ADD COLUMN resent INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE effects ADD COLUMN first_no INTEGER;
    ALTER TABLE effects ADD COLUMN sent_no INTEGER;
    ALTER TABLE effects ADD COLUMN answered_no INTEGER;
    CREATE INDEX effects_controls ON effects(account, kind, spec, answered_no) WHERE answered_no IS NOT NULL;
    CREATE INDEX effects_sent_again ON effects(account, kind) WHERE resent > 0;

    UPDATE effects SET evidence = json_remove(
        json_set(evidence, '$."reelwork:did_not_happen"', json_extract(evidence, '$.did_not_happen')),
        '$.did_not_happen')
      WHERE json_type(evidence, '$.did_not_happen') = 'integer';
    UPDATE effects SET evidence = json_remove(
        json_set(evidence, '$."reelwork:in_doubt"', json_extract(evidence, '$.in_doubt')), '$.in_doubt')
      WHERE json_type(evidence, '$.in_doubt') = 'integer';
    UPDATE effects SET evidence = json_remove(
        json_set(evidence, '$."reelwork:answer"', json_extract(evidence, '$.answer')), '$.answer')
      WHERE json_type(evidence, '$.answer') = 'text';
    UPDATE effects SET evidence = json_remove(
        json_set(evidence, '$."reelwork:ended"', json_extract(evidence, '$.ended')), '$.ended')
      WHERE json_type(evidence, '$.ended') = 'integer';

    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE sightings (
      place TEXT NOT NULL, remote_id TEXT NOT NULL, reading INTEGER NOT NULL, PRIMARY KEY (place, remote_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE echoes (
      place TEXT NOT NULL, state TEXT NOT NULL, field TEXT NOT NULL, exact INTEGER NOT NULL,
      differs INTEGER NOT NULL, examples TEXT NOT NULL, PRIMARY KEY (place, state, field)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE lists (
      place TEXT PRIMARY KEY, prompt INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0,
      slowest REAL NOT NULL DEFAULT 0, turned_up TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE warm (
      place TEXT NOT NULL, model TEXT NOT NULL, opens_at REAL NOT NULL, PRIMARY KEY (place, model)
    ) STRICT, WITHOUT ROWID;
    """,
    # Money counts in the period in which it is reserved, which may be later than the effect was written down. What
    # no render can cost was believed before: it counts by its estimate now, so that sums can be made again.
    """
    ALTER TABLE effects ADD COLUMN reserved_at REAL NOT NULL DEFAULT 0;
    UPDATE effects SET reserved_at = created_at;
    UPDATE effects SET money = 'reserved', charged = NULL WHERE charged < 0 OR charged > 100000000000;
    DROP INDEX effects_money;
    CREATE INDEX effects_money ON effects(reserved_at) WHERE money IN ('reserved', 'charged');
    """,
    # What has been rendered goes first.
    """
    CREATE INDEX jobs_rendered ON jobs(due_at, seq)
      WHERE status = 'active' AND due_at IS NOT NULL AND render_id IS NOT NULL;
    """,
    # Values that plugins keep, such as the number of a series' last episode.
    """
    CREATE TABLE plugin_state (
      instance TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (instance, key)
    ) STRICT, WITHOUT ROWID;
    """,
    # Schedules, and what became of each of their times. A slot is never removed: its key is what keeps a time from
    # being fired again, also once its schedule is removed and added again.
    """
    CREATE TABLE schedules (
      name TEXT PRIMARY KEY, spec TEXT NOT NULL, version INTEGER NOT NULL, added_at REAL NOT NULL,
      decided_until REAL NOT NULL, pause TEXT, trouble TEXT NOT NULL DEFAULT '', removed_at REAL
    ) STRICT;

    CREATE TABLE slots (
      schedule TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
      decided_at REAL NOT NULL, due_at REAL, run_id TEXT, cycle INTEGER NOT NULL DEFAULT 0, row TEXT,
      PRIMARY KEY (schedule, key)
    ) STRICT;
    CREATE INDEX slots_by_time ON slots(schedule, at);
    CREATE INDEX slots_waiting ON slots(schedule, due_at) WHERE state = 'waiting';
    CREATE INDEX slots_by_run ON slots(run_id) WHERE run_id IS NOT NULL;
    CREATE UNIQUE INDEX slots_rows ON slots(schedule, cycle, row) WHERE row IS NOT NULL;
    """,
    # Who may enter a server.
    """
    CREATE TABLE tokens (
      name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL, created_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    # The run that launched a job which other settings have since moved to another run; null if it was not moved.
    """
    ALTER TABLE jobs ADD COLUMN first_run TEXT;
    """,
    # Posts that a person has stopped.
    """
    CREATE TABLE post_stops (
      scope TEXT PRIMARY KEY, at REAL NOT NULL, by TEXT NOT NULL, note TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    # Webhooks that came in, so that none is heard twice; what they are about and is not known yet; and the renders
    # they are about, with when the last poll that one asked for was due.
    """
    CREATE TABLE webhooks_seen (
      seq INTEGER PRIMARY KEY, account TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, UNIQUE (account, id)
    ) STRICT;
    CREATE TABLE hints (name TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX hints_by_time ON hints(at);
    ALTER TABLE renders ADD COLUMN hinted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE renders ADD COLUMN hinted_at REAL;
    CREATE INDEX renders_hinted ON renders(id) WHERE hinted = 1;
    CREATE INDEX renders_by_remote_id ON renders(remote_id);
    """,
    # Links by which persons sign in at a browser, once.
    """
    CREATE TABLE links (
      hash TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, expires_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    # Held jobs whose review ends, or is reminded of, at a time.
    """
    CREATE INDEX jobs_reviewed ON jobs(due_at, seq) WHERE status = 'held' AND due_at IS NOT NULL;
    """,
    # Webhooks that are sent, and the events that are on their way to them.
    """
    CREATE TABLE webhook_targets (
      name TEXT PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, seen_at REAL NOT NULL, failing_since REAL,
      off_at REAL, reason TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE outbox (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, job_id TEXT NOT NULL,
      run_id TEXT NOT NULL, name TEXT NOT NULL, details TEXT NOT NULL, at REAL NOT NULL, due_at REAL NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX outbox_due ON outbox(target, due_at);
    """,
    # Requests that act, so that one which is sent again acts once.
    """
    CREATE TABLE requests (
      holder TEXT NOT NULL, key TEXT NOT NULL, asked TEXT NOT NULL, owner TEXT NOT NULL, begun_at REAL NOT NULL,
      status INTEGER, answer TEXT NOT NULL, PRIMARY KEY (holder, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX requests_by_age ON requests(begun_at);
    """,
    # To find the jobs of a firing that other settings have moved to another run.
    """
    CREATE INDEX jobs_moved ON jobs(first_run) WHERE first_run IS NOT NULL;
    """,
    # Deliveries to webhooks that have ended, so that they can be looked at and sent again; and why the others wait.
    """
    CREATE TABLE deliveries (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, job_id TEXT NOT NULL,
      run_id TEXT NOT NULL, name TEXT NOT NULL, details TEXT NOT NULL, at REAL NOT NULL, attempts INTEGER NOT NULL,
      ended_at REAL NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX deliveries_by_target ON deliveries(target, seq);
    ALTER TABLE outbox ADD COLUMN reason TEXT NOT NULL DEFAULT '';
    """,
    # The causes of failures that people have dealt with, and what people were told.
    """
    CREATE TABLE dealt_with (
      cause TEXT PRIMARY KEY, until REAL NOT NULL, at REAL NOT NULL, by TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE notices (
      cause TEXT PRIMARY KEY, words TEXT NOT NULL, count INTEGER NOT NULL, first_at REAL NOT NULL,
      seen_at REAL NOT NULL, there INTEGER NOT NULL DEFAULT 1, told_at REAL, told_count INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    """,
    # The brand that a run is for. A job has it from its run, and money from the job for which it was reserved.
    """
    ALTER TABLE runs ADD COLUMN brand TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN brand TEXT NOT NULL DEFAULT '';
    ALTER TABLE effects ADD COLUMN brand TEXT NOT NULL DEFAULT '';
    CREATE INDEX jobs_of_brand ON jobs(brand, seq) WHERE brand <> '';
    CREATE INDEX effects_of_brand ON effects(brand, reserved_at) WHERE brand <> '';
    """,
    # The brand that a token or link is limited to, and whose a browser's token is.
    """
    ALTER TABLE tokens ADD COLUMN brand TEXT NOT NULL DEFAULT '';
    ALTER TABLE tokens ADD COLUMN person TEXT NOT NULL DEFAULT '';
    ALTER TABLE links ADD COLUMN brand TEXT NOT NULL DEFAULT '';
    CREATE INDEX runs_of_brand ON runs(brand) WHERE brand <> '';
    """,
    # Links by which somebody outside answers the review of one version of one job, once.
    """
    CREATE TABLE review_links (
      id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL, version TEXT NOT NULL,
      person TEXT NOT NULL, maker TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
      used_at REAL, answer TEXT NOT NULL DEFAULT '', revoked_at REAL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX review_links_of_job ON review_links(job_id);
    """,
    """
    ALTER TABLE webhook_targets ADD COLUMN brand TEXT NOT NULL DEFAULT '';
    """,
    # Whom a notice is for. People of one brand are told of other causes than those of another, at other times.
    """
    CREATE TABLE notices_to_all (
      whom TEXT NOT NULL, cause TEXT NOT NULL, words TEXT NOT NULL, count INTEGER NOT NULL, first_at REAL NOT NULL,
      seen_at REAL NOT NULL, there INTEGER NOT NULL DEFAULT 1, told_at REAL, told_count INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (whom, cause)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO notices_to_all
      SELECT '', cause, words, count, first_at, seen_at, there, told_at, told_count FROM notices;
    DROP TABLE notices;
    ALTER TABLE notices_to_all RENAME TO notices;
    """,
    # The index of what has ended had the column in it that each step of each job writes, which took two fifths of
    # that statement's time.
    """
    ALTER TABLE jobs ADD COLUMN ended_at REAL;
    UPDATE jobs SET ended_at = updated_at WHERE status IN ('done', 'failed', 'rejected', 'cancelled');
    DROP INDEX jobs_ended;
    CREATE INDEX jobs_ended ON jobs(ended_at, seq) WHERE status IN ('done', 'failed', 'rejected', 'cancelled');
    CREATE INDEX jobs_by_status ON jobs(status) WHERE status <> 'active';
    CREATE INDEX effects_spent ON effects(reserved_at) WHERE kind = 'submit' OR money <> 'none';
    """,
    # To find out whether many renders of an account are polled because of webhooks.
    """
    CREATE INDEX renders_hinted_at ON renders(account, hinted_at) WHERE hinted_at IS NOT NULL;
    """,
)
