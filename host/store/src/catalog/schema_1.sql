-- One command: a workflow with its parameters. A key names at most one run; a run that was superseded by
-- a fresh one has none.
CREATE TABLE runs (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    key             TEXT UNIQUE,
    workflow        TEXT NOT NULL,
    workflow_path   TEXT NOT NULL,
    workflow_digest TEXT NOT NULL,
    params          TEXT NOT NULL,
    status          TEXT NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    updated_at_ms   INTEGER NOT NULL,
    finished_at_ms  INTEGER
) STRICT;

-- One thing that a run works through. The item with the empty key stands for the run itself.
CREATE TABLE items (
    run             INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key             TEXT NOT NULL,
    position        INTEGER NOT NULL,
    value           TEXT NOT NULL,
    status          TEXT NOT NULL,
    error_message   TEXT,
    record          TEXT NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    updated_at_ms   INTEGER NOT NULL,
    finished_at_ms  INTEGER,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

-- One call for one item, in the order in which they were first started. `objects` is a JSON array of the
-- durable objects that `output` names.
CREATE TABLE steps (
    run             INTEGER NOT NULL,
    item            TEXT NOT NULL,
    step            TEXT NOT NULL,
    state           TEXT NOT NULL,
    attempts        INTEGER NOT NULL,
    output          TEXT,
    inputs_digest   TEXT,
    objects         TEXT NOT NULL,
    error           TEXT,
    worker          TEXT,
    started_at_ms   INTEGER,
    finished_at_ms  INTEGER,
    PRIMARY KEY (run, item, step),
    FOREIGN KEY (run, item) REFERENCES items (run, key) ON DELETE CASCADE
) STRICT;
