-- One row for each actor. Everything here can be made anew from the segments of the log.
CREATE TABLE actors (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    head_segment  INTEGER NOT NULL,
    head_offset   INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    kept_from     INTEGER NOT NULL,
    spawn_segment INTEGER NOT NULL,
    spawn_offset  INTEGER NOT NULL,
    status        TEXT,
    next_timer_ns INTEGER
) STRICT;

CREATE INDEX actors_by_timer ON actors (next_timer_ns) WHERE next_timer_ns IS NOT NULL;

-- Bytes of the log in which there may have been records of any actor.
CREATE TABLE damage (
    segment INTEGER NOT NULL,
    offset  INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (segment, offset)
) STRICT, WITHOUT ROWID;

-- The one row that says how much of the log the other tables cover.
CREATE TABLE covered (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    segment         INTEGER NOT NULL,
    offset          INTEGER NOT NULL,
    next_frame      INTEGER NOT NULL,
    next_actor      INTEGER NOT NULL,
    live_bytes      INTEGER NOT NULL
) STRICT;
