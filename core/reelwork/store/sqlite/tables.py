"""The tables of this version, all at once: what `MIGRATIONS` one after the other make of an empty file.

A new store is made of these. To run all migrations takes more than twice as long, and every plan makes a store that
it throws away.
"""

from __future__ import annotations

# Columns and the indexes of a table stand in the order in which the migrations add them: rows are read by position,
# and of two indexes that serve a query alike, SQLite goes by their order.
TABLES = """
    CREATE TABLE runs (
      id TEXT PRIMARY KEY, key TEXT UNIQUE, workflow TEXT NOT NULL, frozen TEXT NOT NULL,
      created_at REAL NOT NULL, brand TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX runs_of_brand ON runs(brand) WHERE brand <> '';

    CREATE TABLE jobs (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL REFERENCES runs(id),
      key TEXT NOT NULL UNIQUE, status TEXT NOT NULL, step TEXT NOT NULL, due_at REAL,
      owner TEXT, lease_until REAL, fence INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
      data TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', render_id TEXT, blocked_on TEXT,
      created_at REAL NOT NULL, updated_at REAL NOT NULL, first_run TEXT,
      brand TEXT NOT NULL DEFAULT '', ended_at REAL
    ) STRICT;
    CREATE INDEX jobs_due ON jobs(due_at, seq) WHERE status = 'active' AND due_at IS NOT NULL;
    CREATE INDEX jobs_leased ON jobs(owner) WHERE owner IS NOT NULL;
    CREATE INDEX jobs_by_run ON jobs(run_id, seq);
    CREATE INDEX jobs_blocked ON jobs(blocked_on, seq) WHERE blocked_on IS NOT NULL;
    CREATE INDEX jobs_waiting ON jobs(render_id) WHERE render_id IS NOT NULL;
    CREATE INDEX jobs_open ON jobs(id) WHERE status = 'active';
    CREATE INDEX jobs_rendered ON jobs(due_at, seq)
      WHERE status = 'active' AND due_at IS NOT NULL AND render_id IS NOT NULL;
    CREATE INDEX jobs_reviewed ON jobs(due_at, seq) WHERE status = 'held' AND due_at IS NOT NULL;
    CREATE INDEX jobs_moved ON jobs(first_run) WHERE first_run IS NOT NULL;
    CREATE INDEX jobs_of_brand ON jobs(brand, seq) WHERE brand <> '';
    CREATE INDEX jobs_ended ON jobs(ended_at, seq) WHERE status IN ('done', 'failed', 'rejected', 'cancelled');
    CREATE INDEX jobs_by_status ON jobs(status) WHERE status <> 'active';

    CREATE TABLE removed_jobs (
      key TEXT PRIMARY KEY, job_id TEXT NOT NULL, run_id TEXT NOT NULL, status TEXT NOT NULL,
      created_at REAL NOT NULL, updated_at REAL NOT NULL, removed_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX removed_jobs_by_id ON removed_jobs(job_id);

    CREATE TABLE renders (
      id TEXT PRIMARY KEY, job_id TEXT NOT NULL, run_id TEXT NOT NULL, provider TEXT NOT NULL,
      account TEXT NOT NULL, remote_id TEXT NOT NULL, details TEXT NOT NULL,
      state TEXT NOT NULL, word TEXT NOT NULL DEFAULT '', progress REAL, error TEXT NOT NULL DEFAULT '',
      submitted_at REAL NOT NULL, due_at REAL, deadline_at REAL NOT NULL,
      overdue INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
      owner TEXT, lease_until REAL, fence INTEGER NOT NULL DEFAULT 0, expires_at REAL, ended_at REAL,
      hinted INTEGER NOT NULL DEFAULT 0, hinted_at REAL
    ) STRICT;
    CREATE INDEX renders_due ON renders(due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX renders_open ON renders(account) WHERE ended_at IS NULL;
    CREATE INDEX renders_remote ON renders(account, remote_id);
    CREATE INDEX renders_by_job ON renders(job_id);
    CREATE INDEX renders_hinted ON renders(id) WHERE hinted = 1;
    CREATE INDEX renders_by_remote_id ON renders(remote_id);
    CREATE INDEX renders_hinted_at ON renders(account, hinted_at) WHERE hinted_at IS NOT NULL;

    CREATE TABLE render_requests (render_id TEXT PRIMARY KEY, request TEXT NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE effects (
      key TEXT PRIMARY KEY, kind TEXT NOT NULL, job_id TEXT NOT NULL, run_id TEXT NOT NULL,
      subject TEXT NOT NULL, account TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL,
      attempt INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL, sent_at REAL, settle_at REAL, sender TEXT,
      evidence TEXT NOT NULL DEFAULT '{}', prepared TEXT NOT NULL DEFAULT 'null',
      result TEXT NOT NULL DEFAULT 'null', remote_id TEXT, reason TEXT NOT NULL DEFAULT '',
      money TEXT NOT NULL, reserved INTEGER, charged INTEGER, updated_at REAL NOT NULL,
      alias TEXT NOT NULL DEFAULT '', model TEXT NOT NULL DEFAULT '', spec TEXT NOT NULL DEFAULT '',
      asked TEXT NOT NULL DEFAULT '{}', how TEXT NOT NULL DEFAULT '{}', settle TEXT NOT NULL DEFAULT '',
      seen TEXT NOT NULL DEFAULT '{}', refusals INTEGER NOT NULL DEFAULT 0, resent INTEGER NOT NULL DEFAULT 0,
      first_no INTEGER, sent_no INTEGER, answered_no INTEGER, reserved_at REAL NOT NULL DEFAULT 0,
      brand TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX effects_by_job ON effects(job_id);
    CREATE INDEX effects_open ON effects(account, kind, fingerprint) WHERE state IN ('sent', 'unknown');
    CREATE INDEX effects_remote ON effects(account, kind, remote_id) WHERE remote_id IS NOT NULL;
    CREATE INDEX effects_controls ON effects(account, kind, spec, answered_no) WHERE answered_no IS NOT NULL;
    CREATE INDEX effects_sent_again ON effects(account, kind) WHERE resent > 0;
    CREATE INDEX effects_money ON effects(reserved_at) WHERE money IN ('reserved', 'charged');
    CREATE INDEX effects_of_brand ON effects(brand, reserved_at) WHERE brand <> '';
    CREATE INDEX effects_spent ON effects(reserved_at) WHERE kind = 'submit' OR money <> 'none';

    CREATE TABLE calls (account TEXT NOT NULL, at REAL NOT NULL) STRICT;
    CREATE INDEX calls_at ON calls(account, at);

    CREATE TABLE events (
      seq INTEGER PRIMARY KEY, job_id TEXT NOT NULL, at REAL NOT NULL, name TEXT NOT NULL,
      details TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_by_job ON events(job_id, seq);

    CREATE TABLE gates (account TEXT PRIMARY KEY, opens_at REAL NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE leftovers (pattern TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

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

    CREATE TABLE plugin_state (
      instance TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (instance, key)
    ) STRICT, WITHOUT ROWID;

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

    CREATE TABLE tokens (
      name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL, created_at REAL NOT NULL,
      brand TEXT NOT NULL DEFAULT '', person TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE links (
      hash TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, expires_at REAL NOT NULL,
      brand TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE post_stops (
      scope TEXT PRIMARY KEY, at REAL NOT NULL, by TEXT NOT NULL, note TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE webhooks_seen (
      seq INTEGER PRIMARY KEY, account TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, UNIQUE (account, id)
    ) STRICT;

    CREATE TABLE hints (name TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX hints_by_time ON hints(at);

    CREATE TABLE webhook_targets (
      name TEXT PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, seen_at REAL NOT NULL, failing_since REAL,
      off_at REAL, reason TEXT NOT NULL DEFAULT '', brand TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE outbox (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, job_id TEXT NOT NULL,
      run_id TEXT NOT NULL, name TEXT NOT NULL, details TEXT NOT NULL, at REAL NOT NULL, due_at REAL NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX outbox_due ON outbox(target, due_at);

    CREATE TABLE deliveries (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, job_id TEXT NOT NULL,
      run_id TEXT NOT NULL, name TEXT NOT NULL, details TEXT NOT NULL, at REAL NOT NULL, attempts INTEGER NOT NULL,
      ended_at REAL NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX deliveries_by_target ON deliveries(target, seq);

    CREATE TABLE requests (
      holder TEXT NOT NULL, key TEXT NOT NULL, asked TEXT NOT NULL, owner TEXT NOT NULL, begun_at REAL NOT NULL,
      status INTEGER, answer TEXT NOT NULL, PRIMARY KEY (holder, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX requests_by_age ON requests(begun_at);

    CREATE TABLE dealt_with (
      cause TEXT PRIMARY KEY, until REAL NOT NULL, at REAL NOT NULL, by TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE notices (
      whom TEXT NOT NULL, cause TEXT NOT NULL, words TEXT NOT NULL, count INTEGER NOT NULL, first_at REAL NOT NULL,
      seen_at REAL NOT NULL, there INTEGER NOT NULL DEFAULT 1, told_at REAL, told_count INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (whom, cause)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE review_links (
      id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL, version TEXT NOT NULL,
      person TEXT NOT NULL, maker TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
      used_at REAL, answer TEXT NOT NULL DEFAULT '', revoked_at REAL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX review_links_of_job ON review_links(job_id);
"""
