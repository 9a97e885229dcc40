/** What listeners are woken by; the word they get is the number of the entry, or that another server came too late with its own. */
export const CHANNEL = 'banshare_log';
export const WANTED = 'wanted';

/** A statement that the database prepares once for each connection. */
export type Statement = { readonly name: string; readonly text: string };

/** The tables, made where they are missing: whoever makes them needs the right to create in this schema, as the database's owner has. */
export const CREATE = `
  CREATE TABLE log (
    n bigint PRIMARY KEY,
    token bytea NOT NULL CHECK (length(token) = 32),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    nonce bytea NOT NULL,
    schema integer NOT NULL,
    kind smallint NOT NULL,
    data bytea NOT NULL
  );
  ALTER TABLE log ALTER COLUMN data SET STORAGE EXTERNAL;
  CREATE TABLE snapshots (
    id bytea PRIMARY KEY,
    n bigint NOT NULL,
    token bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    schema integer NOT NULL,
    parts integer NOT NULL,
    mac bytea NOT NULL
  );
  CREATE TABLE parts (
    snapshot bytea NOT NULL,
    part integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    data bytea NOT NULL,
    mac bytea NOT NULL,
    PRIMARY KEY (snapshot, part)
  );
  ALTER TABLE parts ALTER COLUMN data SET STORAGE EXTERNAL;`;

export const CLEAR = 'DELETE FROM log; DELETE FROM snapshots; DELETE FROM parts';

/** Nobody else appends, prunes or puts a snapshot until the transaction ends; who waits looks anew afterwards. */
export const HOLD_LOG = 'LOCK TABLE log, snapshots IN EXCLUSIVE MODE';

/** The last entry, by which is known that nobody has appended since, and whether there is a standby by name. */
export const ENDS: Statement = {
  name: 'ends',
  text: `SELECT coalesce((SELECT max(n) FROM log), 0)::float8 AS last, current_setting('synchronous_standby_names') AS names,
    set_config('synchronous_commit', 'on', true) AS commits`,
};

/** An entry that is after no other, into an empty log. */
export const ADD_FIRST: Statement = {
  name: 'add-first',
  text: `INSERT INTO log (n, token, nonce, schema, kind, data)
    VALUES ($1::bigint, $2::bytea, $3::bytea, $4::integer, $5::smallint, $6::bytea)`,
};

export const IS_CREATED: Statement = {
  name: 'is-created',
  text: `SELECT to_regclass('log') IS NOT NULL AS created`,
};

export const WHO_ARE_YOU: Statement = {
  name: 'who-are-you',
  text: `SELECT pg_is_in_recovery() AS standby, current_setting('server_version_num')::integer AS version`,
};

/** By what the setting for the standby is known, and when this backend last read it anew. */
const SETTINGS = `current_setting('synchronous_standby_names') AS names, pg_conf_load_time()::text AS loaded`;

/**
 * Stores the entry n where it is the next one after the token of the entry before, and says whether it did. It sees in the same act
 * whether there has to be a standby ($7) and is one by name, and waits for it when it commits, whatever the database's default is.
 */
export const APPEND: Statement = {
  name: 'append',
  text: `WITH now AS MATERIALIZED (
    SELECT ${SETTINGS}, set_config('synchronous_commit', 'on', true) AS commits
  ), put AS (
    INSERT INTO log (n, token, nonce, schema, kind, data)
    SELECT $1::bigint, $2::bytea, $3::bytea, $4::integer, $5::smallint, $6::bytea FROM now
    WHERE (NOT $7::boolean OR names <> '') AND CASE
      WHEN $1::bigint = 1 THEN NOT EXISTS (SELECT FROM log)
      ELSE EXISTS (SELECT FROM log WHERE n = $1::bigint - 1 AND token = $8::bytea) END
    ON CONFLICT (n) DO NOTHING RETURNING n
  ), told AS (SELECT n, pg_notify('${CHANNEL}', n::text)::text AS said FROM put),
  late AS (SELECT pg_notify('${CHANNEL}', '${WANTED}')::text AS said FROM now WHERE NOT EXISTS (SELECT FROM put))
  SELECT names, loaded, commits, told.said IS NOT NULL AS stored, late.said AS late
    FROM now LEFT JOIN told ON true LEFT JOIN late ON true`,
};

/**
 * The settings once more. A commit that waits is let go without a word when the setting is emptied: it has waited for the standby
 * where the setting was there before, is there now, and was not read anew in between.
 */
export const STILL: Statement = { name: 'still', text: `SELECT ${SETTINGS}` };

/** A commit that stores nothing: once it was acknowledged by the standby, so is all that was there before it. */
export const BARRIER: Statement = {
  name: 'barrier',
  text: `SELECT ${SETTINGS}, has_table_privilege('log', 'INSERT') AS may, set_config('synchronous_commit', 'on', true) AS commits,
    pg_logical_emit_message(true, 'banshare', '')::text AS written`,
};

/** What is at n, at the entry before, and at both ends. */
export const LOOK: Statement = {
  name: 'look',
  text: `SELECT encode((SELECT token FROM log WHERE n = $1::bigint), 'hex') AS here,
    encode((SELECT token FROM log WHERE n = $1::bigint - 1), 'hex') AS before,
    coalesce((SELECT min(n) FROM log), 0)::float8 AS first, coalesce((SELECT max(n) FROM log), 0)::float8 AS last`,
};

/** The entry n without its data, for whoever has it, and those after it, until their data is $3 bytes or more. */
export const READ: Statement = {
  name: 'read',
  text: `SELECT n::float8 AS n, encode(token, 'hex') AS token, nonce, schema, kind, at, data FROM (
    SELECT n, token, nonce, schema, kind, extract(epoch FROM at)::float8 AS at, CASE WHEN n > $1::bigint THEN data END AS data,
      coalesce(sum(CASE WHEN n > $1::bigint THEN octet_length(data) ELSE 0 END)
        OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM log WHERE n >= $1::bigint ORDER BY n LIMIT $2::integer
  ) AS part WHERE before < $3::bigint ORDER BY part.n`,
};

/** Asked each second: the net below NOTIFY, the health check and the clock. */
export const PULSE: Statement = {
  name: 'pulse',
  text: `SELECT coalesce((SELECT max(n) FROM log), 0)::float8 AS last, extract(epoch FROM clock_timestamp())::float8 AS now,
    current_setting('synchronous_standby_names') AS names, pg_is_in_recovery() AS standby,
    coalesce((SELECT max(n) FROM snapshots), 0)::float8 AS snapshot,
    coalesce((SELECT extract(epoch FROM clock_timestamp() - max(at)) FROM snapshots), 0)::float8 AS age`,
};

/** Whether it is this connection that puts a snapshot, until it ends. */
export const TURN: Statement = {
  name: 'turn',
  text: `SELECT pg_try_advisory_lock(hashtext('banshare snapshot')) AS mine`,
};

export const PUT_PART: Statement = {
  name: 'put-part',
  text: `INSERT INTO parts (snapshot, part, data, mac) VALUES ($1::bytea, $2::integer, $3::bytea, $4::bytea)`,
};

/** The head, where the log has that entry. */
export const PUT_SNAPSHOT: Statement = {
  name: 'put-snapshot',
  text: `INSERT INTO snapshots (id, n, token, schema, parts, mac)
    SELECT $1::bytea, $2::bigint, $3::bytea, $4::integer, $5::integer, $6::bytea
    WHERE EXISTS (SELECT FROM log WHERE n = $2::bigint AND token = $3::bytea) RETURNING n`,
};

/** The last two. */
export const NEWEST_SNAPSHOTS: Statement = {
  name: 'newest-snapshots',
  text: `SELECT id, n::float8 AS n, encode(token, 'hex') AS token, schema, parts, mac
    FROM snapshots ORDER BY snapshots.n DESC, at DESC LIMIT 2`,
};

export const READ_PART: Statement = {
  name: 'read-part',
  text: `SELECT data, mac FROM parts WHERE snapshot = $1::bytea AND part = $2::integer`,
};

export const FORGET_SNAPSHOTS: Statement = {
  name: 'forget-snapshots',
  text: `DELETE FROM snapshots WHERE n < $1::bigint`,
};

/** Some of the parts of all snapshots but one. */
export const FORGET_OTHER_PARTS: Statement = {
  name: 'forget-other-parts',
  text: `WITH gone AS (
    DELETE FROM parts WHERE (snapshot, part) IN
      (SELECT snapshot, part FROM parts WHERE snapshot <> $1::bytea LIMIT $2::integer) RETURNING 1
  ) SELECT count(*)::integer AS removed FROM gone`,
};

/** Parts without a head: of snapshots that were forgotten, and of those that nobody ended within an hour. */
export const FORGET_PARTS: Statement = {
  name: 'forget-parts',
  text: `DELETE FROM parts WHERE snapshot NOT IN (SELECT id FROM snapshots) AND at < clock_timestamp() - interval '1 hour'`,
};

/** A part of the entries before n. */
export const PRUNE: Statement = {
  name: 'prune',
  text: `WITH gone AS (
    DELETE FROM log WHERE n IN (SELECT n FROM log WHERE n < $1::bigint ORDER BY n LIMIT $2::integer) RETURNING 1
  ) SELECT count(*)::integer AS removed FROM gone`,
};
