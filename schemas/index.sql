-- The index of a tenure store: a projection of its journal, deletable and rebuildable.
--
-- Open it read-only (mode=ro). Only tenure may write it: the journal is the truth, and a changed row
-- is found by the state hash. Texts compare bytewise. Times are milliseconds since 1970 (UTC).
-- `lsn` is the transaction that made a row; `deleted` = 1 marks a tombstone, which keeps the revision.

PRAGMA application_id = 0x544E5258;  -- "TNRX"
PRAGMA user_version = 1;

-- Current rows. `id` is private to this file: another generation numbers its rows differently.
CREATE TABLE entry (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL,
  version       TEXT NOT NULL,
  digest        TEXT,              -- "sha256:<hex>"; NULL: none was given
  size          INTEGER,           -- bytes of the content; NULL: not given
  media_type    TEXT,
  urls          TEXT NOT NULL,     -- JSON array of strings
  annotations   TEXT NOT NULL,     -- JSON object, members sorted
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  writer        TEXT NOT NULL,
  revision      INTEGER NOT NULL,
  lsn           INTEGER NOT NULL,
  deleted       INTEGER NOT NULL
);

-- A rowid table with a unique index took random keys 1.5 times as fast as WITHOUT ROWID.
CREATE UNIQUE INDEX entry_key ON entry (name, version);

-- Superseded revisions: valid from `lsn` to just before `until_lsn`.
CREATE TABLE history (
  entry_id      INTEGER NOT NULL,  -- entry.id, which gives name and version
  until_lsn     INTEGER NOT NULL,
  digest        TEXT,
  size          INTEGER,
  media_type    TEXT,
  urls          TEXT NOT NULL,
  annotations   TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  writer        TEXT NOT NULL,
  revision      INTEGER NOT NULL,
  lsn           INTEGER NOT NULL,
  deleted       INTEGER NOT NULL
);
CREATE UNIQUE INDEX history_key ON history (entry_id, revision);

CREATE TABLE tag (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL,
  tag           TEXT NOT NULL,
  version       TEXT NOT NULL,     -- empty in a tombstone
  updated_at_ms INTEGER NOT NULL,
  writer        TEXT NOT NULL,
  revision      INTEGER NOT NULL,
  lsn           INTEGER NOT NULL,
  deleted       INTEGER NOT NULL
);
CREATE UNIQUE INDEX tag_key ON tag (name, tag);

CREATE TABLE tag_history (
  tag_id        INTEGER NOT NULL,  -- tag.id, which gives name and tag
  until_lsn     INTEGER NOT NULL,
  version       TEXT NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  writer        TEXT NOT NULL,
  revision      INTEGER NOT NULL,
  lsn           INTEGER NOT NULL,
  deleted       INTEGER NOT NULL
);
CREATE UNIQUE INDEX tag_history_key ON tag_history (tag_id, revision);

-- Request ids, so that retrying one never applies twice. One transaction records at most one.
CREATE TABLE request (
  lsn           INTEGER PRIMARY KEY,
  request_id    TEXT NOT NULL,
  time_ms       INTEGER NOT NULL,
  body_hash     TEXT NOT NULL,     -- 32 hex digits
  cancelled     INTEGER NOT NULL,
  outcome       INTEGER NOT NULL,  -- 0 committed, 1 unchanged, 2 merged, 3 parked
  receipt_lsn   INTEGER NOT NULL,
  results       BLOB NOT NULL      -- one result per operation, as in the journal
);
CREATE UNIQUE INDEX request_key ON request (request_id);

-- What policies say of the keys that their globs match; NULL: nothing.
CREATE TABLE policy (
  glob          TEXT PRIMARY KEY,
  immutable     INTEGER,
  require_lease INTEGER,
  on_conflict   TEXT,              -- "reject", "merge", …
  schema        TEXT,              -- JSON Schema
  keep_history  INTEGER,
  writer        TEXT NOT NULL,
  time_ms       INTEGER NOT NULL,
  lsn           INTEGER NOT NULL,
  effect        INTEGER NOT NULL   -- position in that transaction: the later of two policies wins
) WITHOUT ROWID;

-- Parked conflicts that nobody has resolved yet.
CREATE TABLE conflict (
  lsn           INTEGER NOT NULL,  -- with `effect` its id: the transaction that parked it
  effect        INTEGER NOT NULL,
  writer        TEXT NOT NULL,
  uid           INTEGER NOT NULL,
  time_ms       INTEGER NOT NULL,
  body          BLOB NOT NULL,     -- kind, base, ours and theirs, as in the journal
  key           TEXT NOT NULL,     -- "name:version" or "name@tag"
  kind          TEXT NOT NULL,
  strategy      TEXT NOT NULL,
  PRIMARY KEY (lsn, effect)
) WITHOUT ROWID;

-- Leases that were granted and have not been ended. Whether one is still valid is known to the running store only:
-- its deadline moves with every renewal, which the journal never sees.
CREATE TABLE lease (
  id            INTEGER PRIMARY KEY, -- LSN of the grant: the fencing token
  slot          INTEGER NOT NULL,    -- its row in shared memory
  scopes        TEXT NOT NULL,       -- JSON array of strings
  mode          INTEGER NOT NULL,    -- 0 exclusive, 1 shared
  bound         INTEGER NOT NULL,    -- 1: ends with the holder's process
  ttl_ms        INTEGER NOT NULL,
  secret_hash   TEXT NOT NULL,       -- 64 hex digits: SHA-256 of the secret
  writer        TEXT NOT NULL,
  uid           INTEGER NOT NULL,
  host          TEXT NOT NULL,
  pid           INTEGER NOT NULL,
  process_start INTEGER NOT NULL,    -- clock ticks since boot
  purpose       TEXT NOT NULL,
  granted_at_ms INTEGER NOT NULL
);

-- Durable places in the change feed, by name. No part of the state hash: they say how far a reader is.
CREATE TABLE cursor (
  name          TEXT PRIMARY KEY,
  lsn           INTEGER NOT NULL,  -- everything up to here was handled
  effects       INTEGER NOT NULL,  -- and so many effects of the transaction behind it
  moved_at_ms   INTEGER NOT NULL,
  writer        TEXT NOT NULL
) WITHOUT ROWID;

-- One row: how far the journal is applied, and what is true there.
CREATE TABLE meta (
  id                 INTEGER PRIMARY KEY CHECK (id = 1),
  format_version     INTEGER NOT NULL,
  store_id           TEXT NOT NULL,
  applied_lsn        INTEGER NOT NULL,
  segment_epoch      INTEGER NOT NULL,
  segment_ordinal    INTEGER NOT NULL,
  segment_offset     INTEGER NOT NULL,
  time_ms            INTEGER NOT NULL,
  chain              TEXT NOT NULL,
  state_hash         TEXT NOT NULL,
  oldest_history_lsn INTEGER NOT NULL,
  primed             INTEGER NOT NULL  -- counts commits that change nothing else: they start a WAL
);

-- For people and other SQLite clients: the history with its keys.
CREATE VIEW entry_history AS
  SELECT e.name, e.version, h.digest, h.size, h.media_type, h.urls, h.annotations, h.created_at_ms, h.updated_at_ms,
         h.writer, h.revision, h.lsn, h.deleted, h.until_lsn
  FROM history h JOIN entry e ON e.id = h.entry_id;
CREATE VIEW tag_moves AS
  SELECT t.name, t.tag, h.version, h.updated_at_ms, h.writer, h.revision, h.lsn, h.deleted, h.until_lsn
  FROM tag_history h JOIN tag t ON t.id = h.tag_id;
