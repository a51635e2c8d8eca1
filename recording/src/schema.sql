-- Format version 2 of a wsaudit recording. docs/recording-format.md describes every column.
-- Times are nanoseconds since the start of their run, unless a comment says otherwise.

CREATE TABLE run (
  id             INTEGER PRIMARY KEY,
  part           INTEGER NOT NULL,      -- which part of the run, where it is cut into several files
  uuid           TEXT    NOT NULL,
  started_at     INTEGER NOT NULL,      -- Unix time in nanoseconds
  first_seq      INTEGER NOT NULL,
  ended_at       INTEGER,
  closed_cleanly INTEGER NOT NULL CHECK (closed_cleanly IN (0, 1)),
  tool_version   TEXT    NOT NULL,
  config         TEXT    NOT NULL,      -- JSON
  key_id         TEXT,                  -- of the redaction key
  -- The rest since version 2, in this order: an older recording gets them when it is added to.
  continued        INTEGER NOT NULL DEFAULT 0 CHECK (continued IN (0, 1)), -- 1: in the next part
  first_connection INTEGER NOT NULL DEFAULT 1,
  first_chunks     INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE clock_anchor (
  run_id INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  wall   INTEGER NOT NULL,              -- Unix time in nanoseconds
  PRIMARY KEY (run_id, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE connection (
  id              INTEGER PRIMARY KEY,
  uuid            TEXT    NOT NULL,
  run_id          INTEGER NOT NULL,
  opened_seq      INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  client_addr     TEXT    NOT NULL,
  upstream        TEXT    NOT NULL,
  http_version    TEXT    NOT NULL,
  tls_version     TEXT,                 -- of the client's leg; NULL: it has no TLS
  tls_sni         TEXT,                 -- NULL: the client named no server
  tls_alpn        TEXT,                 -- NULL: no protocol was agreed on
  request_head    BLOB    NOT NULL,
  answered_seq    INTEGER,
  answered_at     INTEGER,
  response_head   BLOB,
  response_status INTEGER,
  subprotocol     TEXT,
  extensions      TEXT,
  closed_seq      INTEGER,
  closed_at       INTEGER,
  how_ended       TEXT CHECK (how_ended IN ('fin', 'reset', 'refused', 'upstream-failed', 'stopped')),
  closed_by       TEXT CHECK (closed_by IN ('client', 'server')),
  close_code      INTEGER,
  close_reason    TEXT,
  wire_exact      INTEGER NOT NULL DEFAULT 1 CHECK (wire_exact IN (0, 1)), -- 0: payloads are redacted
  upstream_tls_version TEXT,            -- of the upstream's leg; NULL: it has no TLS, or is not known
  upstream_tls_alpn    TEXT             -- NULL: no protocol was agreed on
) STRICT;

CREATE TABLE tag (
  id            INTEGER PRIMARY KEY,
  connection_id INTEGER NOT NULL,
  from_seq      INTEGER NOT NULL,
  to_seq        INTEGER,                -- included; NULL: to the end of the connection
  kind          TEXT    NOT NULL CHECK (kind IN ('session', 'user', 'device', 'credential', 'claim')),
  value         TEXT    NOT NULL,
  source        TEXT    NOT NULL,
  provenance    TEXT    NOT NULL CHECK (provenance IN ('presented', 'issued'))
) STRICT;

-- A few rows for each connection, so an index costs nothing here; the frame table has none.
CREATE INDEX tag_of_connection ON tag (connection_id, kind, from_seq);

CREATE TABLE frame (
  seq             INTEGER PRIMARY KEY,
  connection_id   INTEGER NOT NULL,
  direction       INTEGER NOT NULL,     -- 0 client-to-server, 1 server-to-client
  first_at        INTEGER NOT NULL,
  last_at         INTEGER NOT NULL,
  first_byte      INTEGER NOT NULL,     -- FIN, RSV1-3, opcode
  length_form     INTEGER NOT NULL,     -- 7, 16 or 64 bits
  declared_length INTEGER NOT NULL,     -- unsigned 64 bits; from 2^63 on it is stored minus 2^64
  masking_key     BLOB,                 -- four bytes; NULL: the MASK bit was clear
  payload         BLOB,                 -- unmasked; NULL: in frame_chunk, under chunks_id, or withheld
  chunks_id       INTEGER
) STRICT;

CREATE TABLE frame_chunk (
  chunks_id INTEGER NOT NULL,
  idx       INTEGER NOT NULL,           -- from 0
  bytes     BLOB    NOT NULL,
  UNIQUE (chunks_id, idx)
) STRICT;

CREATE TABLE message (
  seq         INTEGER PRIMARY KEY,      -- of its last frame
  first_seq   INTEGER NOT NULL,
  opcode      INTEGER NOT NULL,
  content     TEXT    NOT NULL CHECK (content IN ('whole', 'truncated', 'undecodable', 'withheld')),
  payload     BLOB,                     -- NULL: undecodable, withheld
  full_length INTEGER,                  -- of a truncated message
  why         TEXT                      -- it is undecodable, or withheld
) STRICT;

CREATE TABLE anomaly (
  id            INTEGER PRIMARY KEY,
  connection_id INTEGER NOT NULL,
  direction     INTEGER NOT NULL,
  seq           INTEGER NOT NULL,
  at            INTEGER NOT NULL,
  code          TEXT    NOT NULL,
  detail        TEXT    NOT NULL
) STRICT;

CREATE TABLE gap (
  id            INTEGER PRIMARY KEY,
  run_id        INTEGER NOT NULL,
  connection_id INTEGER,                -- NULL: all
  from_seq      INTEGER NOT NULL,
  to_seq        INTEGER NOT NULL,
  at            INTEGER NOT NULL,
  frames        INTEGER,                -- NULL: not known
  why           TEXT    NOT NULL
) STRICT;

CREATE TABLE tail (
  id            INTEGER PRIMARY KEY,
  connection_id INTEGER NOT NULL,
  direction     INTEGER NOT NULL,
  first_at      INTEGER NOT NULL,
  header        BLOB    NOT NULL,
  payload       BLOB,                   -- NULL: in frame_chunk, under chunks_id, or withheld
  chunks_id     INTEGER
) STRICT;

CREATE TABLE exchange (
  id            INTEGER PRIMARY KEY,    -- of the counter that numbers connections
  uuid          TEXT    NOT NULL,
  run_id        INTEGER NOT NULL,
  opened_seq    INTEGER NOT NULL,
  opened_at     INTEGER NOT NULL,
  client_addr   TEXT    NOT NULL,
  upstream      TEXT    NOT NULL,
  http_version  TEXT    NOT NULL,
  method        TEXT    NOT NULL,
  target        TEXT    NOT NULL,
  request_head  BLOB    NOT NULL,
  answered_seq  INTEGER,
  answered_at   INTEGER,
  status        INTEGER,
  response_head BLOB,
  ended_seq     INTEGER,
  ended_at      INTEGER,
  how_ended     TEXT CHECK (how_ended IN ('answered', 'fin', 'reset', 'upstream-failed', 'stopped'))
) STRICT;

CREATE TABLE http_message (
  seq         INTEGER PRIMARY KEY,      -- of its last byte
  exchange_id INTEGER NOT NULL,
  direction   INTEGER NOT NULL,         -- 0 request, 1 response
  at          INTEGER NOT NULL,
  content     TEXT    NOT NULL CHECK (content IN ('whole', 'truncated', 'undecodable')),
  body        BLOB    NOT NULL,         -- without its content coding, where that is known
  length      INTEGER NOT NULL,         -- of the body as it was sent, without its chunking
  why         TEXT                      -- it is not whole
) STRICT;

CREATE VIEW frame_view AS
SELECT f.seq,
       f.connection_id,
       c.run_id,
       CASE f.direction WHEN 0 THEN 'client-to-server' ELSE 'server-to-client' END AS direction,
       f.last_at / 1e9 AS seconds,
       (SELECT strftime('%Y-%m-%dT%H:%M:%S', (a.wall + f.last_at - a.at) / 1000000000, 'unixepoch')
               || printf('.%06dZ', (a.wall + f.last_at - a.at) % 1000000000 / 1000)
          FROM clock_anchor AS a
         WHERE a.run_id = c.run_id AND a.at <= f.last_at
         ORDER BY a.at DESC LIMIT 1) AS time,
       CASE f.first_byte & 15
         WHEN 0 THEN 'continuation' WHEN 1 THEN 'text' WHEN 2 THEN 'binary'
         WHEN 8 THEN 'close' WHEN 9 THEN 'ping' WHEN 10 THEN 'pong'
         ELSE printf('reserved 0x%X', f.first_byte & 15) END AS opcode,
       f.first_byte >> 7 AS fin,
       f.first_byte >> 6 & 1 AS rsv1,
       f.first_byte >> 5 & 1 AS rsv2,
       f.first_byte >> 4 & 1 AS rsv3,
       f.masking_key IS NOT NULL AS masked,
       lower(hex(f.masking_key)) AS masking_key,
       f.length_form,
       CASE WHEN f.declared_length >= 0 THEN f.declared_length
            ELSE printf('%u', f.declared_length) END AS declared_length,
       f.first_at,
       f.last_at,
       f.payload,
       f.chunks_id,
       CASE WHEN m.seq IS NOT NULL THEN CASE WHEN m.opcode = 1 THEN CAST(m.payload AS TEXT) END
            WHEN f.first_byte & 207 = 129 THEN CAST(f.payload AS TEXT) END AS text
  FROM frame AS f
  JOIN connection AS c ON c.id = f.connection_id
  LEFT JOIN message AS m ON m.seq = f.seq;

CREATE VIEW message_view AS
SELECT f.seq,
       coalesce(m.first_seq, f.seq) AS first_seq,
       f.connection_id,
       f.run_id,
       f.direction,
       f.seconds,
       f.time,
       CASE m.opcode WHEN 1 THEN 'text' WHEN 2 THEN 'binary' ELSE f.opcode END AS opcode,
       CASE WHEN m.seq IS NOT NULL THEN m.content
            WHEN f.chunks_id IS NOT NULL THEN 'chunked'
            WHEN f.payload IS NULL THEN 'withheld' ELSE 'whole' END AS content,
       coalesce(m.full_length, length(coalesce(m.payload, f.payload)), f.declared_length) AS length,
       CASE WHEN m.seq IS NULL THEN f.payload ELSE m.payload END AS payload,
       f.text,
       m.why
  FROM frame_view AS f
  LEFT JOIN message AS m ON m.seq = f.seq
 WHERE m.seq IS NOT NULL
    OR f.opcode IN ('close', 'ping', 'pong')
    OR (f.fin AND f.opcode <> 'continuation');

CREATE VIEW session_frame AS
SELECT (SELECT t.value FROM tag AS t
         WHERE t.connection_id = f.connection_id AND t.kind = 'session'
           AND t.from_seq <= f.seq AND (t.to_seq IS NULL OR t.to_seq >= f.seq)
         ORDER BY t.id DESC LIMIT 1) AS session_id,
       (SELECT t.value FROM tag AS t
         WHERE t.connection_id = f.connection_id AND t.kind = 'user'
           AND t.from_seq <= f.seq AND (t.to_seq IS NULL OR t.to_seq >= f.seq)
         ORDER BY t.id DESC LIMIT 1) AS user_id,
       (SELECT t.value FROM tag AS t
         WHERE t.connection_id = f.connection_id AND t.kind = 'device'
           AND t.from_seq <= f.seq AND (t.to_seq IS NULL OR t.to_seq >= f.seq)
         ORDER BY t.id DESC LIMIT 1) AS device,
       f.*,
       c.uuid AS connection_uuid,
       c.client_addr,
       c.upstream,
       c.subprotocol
  FROM frame_view AS f
  JOIN connection AS c ON c.id = f.connection_id;

CREATE VIEW session_message AS
SELECT (SELECT t.value FROM tag AS t
         WHERE t.connection_id = m.connection_id AND t.kind = 'session'
           AND t.from_seq <= m.seq AND (t.to_seq IS NULL OR t.to_seq >= m.seq)
         ORDER BY t.id DESC LIMIT 1) AS session_id,
       (SELECT t.value FROM tag AS t
         WHERE t.connection_id = m.connection_id AND t.kind = 'user'
           AND t.from_seq <= m.seq AND (t.to_seq IS NULL OR t.to_seq >= m.seq)
         ORDER BY t.id DESC LIMIT 1) AS user_id,
       (SELECT t.value FROM tag AS t
         WHERE t.connection_id = m.connection_id AND t.kind = 'device'
           AND t.from_seq <= m.seq AND (t.to_seq IS NULL OR t.to_seq >= m.seq)
         ORDER BY t.id DESC LIMIT 1) AS device,
       m.*
  FROM message_view AS m;

CREATE VIEW session_summary AS
SELECT session_id,
       group_concat(DISTINCT user_id) AS users,
       group_concat(DISTINCT device) AS devices,
       count(DISTINCT connection_id) AS connections,
       count(*) AS frames,
       sum(length(payload)) AS bytes,
       min(time) AS first_time,
       max(time) AS last_time
  FROM session_frame
 GROUP BY session_id;

CREATE VIEW http_view AS
SELECT m.seq,
       m.exchange_id,
       e.run_id,
       CASE m.direction WHEN 0 THEN 'client-to-server' ELSE 'server-to-client' END AS direction,
       m.at / 1e9 AS seconds,
       (SELECT strftime('%Y-%m-%dT%H:%M:%S', (a.wall + m.at - a.at) / 1000000000, 'unixepoch')
               || printf('.%06dZ', (a.wall + m.at - a.at) % 1000000000 / 1000)
          FROM clock_anchor AS a
         WHERE a.run_id = e.run_id AND a.at <= m.at
         ORDER BY a.at DESC LIMIT 1) AS time,
       e.method,
       e.target,
       CASE m.direction WHEN 1 THEN e.status END AS status,
       m.content,
       m.length,
       m.body,
       CASE WHEN m.content IN ('whole', 'truncated') THEN CAST(m.body AS TEXT) END AS text,
       m.why,
       e.client_addr,
       e.upstream
  FROM http_message AS m
  JOIN exchange AS e ON e.id = m.exchange_id;

CREATE VIEW session_http AS
SELECT (SELECT t.value FROM tag AS t
         WHERE t.connection_id = m.exchange_id AND t.kind = 'session'
           AND t.from_seq <= m.seq AND (t.to_seq IS NULL OR t.to_seq >= m.seq)
         ORDER BY t.id DESC LIMIT 1) AS session_id,
       (SELECT t.value FROM tag AS t
         WHERE t.connection_id = m.exchange_id AND t.kind = 'user'
           AND t.from_seq <= m.seq AND (t.to_seq IS NULL OR t.to_seq >= m.seq)
         ORDER BY t.id DESC LIMIT 1) AS user_id,
       (SELECT t.value FROM tag AS t
         WHERE t.connection_id = m.exchange_id AND t.kind = 'device'
           AND t.from_seq <= m.seq AND (t.to_seq IS NULL OR t.to_seq >= m.seq)
         ORDER BY t.id DESC LIMIT 1) AS device,
       m.*
  FROM http_view AS m;
