/** What listeners are woken by; the word they get is the number of the entry. */
export const CHANNEL = 'banshare_log';

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
  ALTER TABLE log ALTER COLUMN data SET STORAGE EXTERNAL;`;

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
  ), told AS (SELECT n, pg_notify('${CHANNEL}', n::text)::text AS said FROM put)
  SELECT names, loaded, commits, said IS NOT NULL AS stored FROM now LEFT JOIN told ON true`,
};

/**
 * The settings once more. A commit that waits is let go without a word when the setting is emptied: it has waited for the standby
 * where the setting was there before, is there now, and was not read anew in between.
 */
export const STILL: Statement = { name: 'still', text: `SELECT ${SETTINGS}` };

/** A commit that stores nothing: once it was acknowledged by the standby, so is all that was there before it. */
export const BARRIER: Statement = {
  name: 'barrier',
  text: `SELECT ${SETTINGS}, set_config('synchronous_commit', 'on', true) AS commits,
    pg_logical_emit_message(true, 'banshare', '')::text AS written`,
};

/** What is at n, at the entry before, and at both ends. */
export const LOOK: Statement = {
  name: 'look',
  text: `SELECT encode((SELECT token FROM log WHERE n = $1::bigint), 'hex') AS here,
    encode((SELECT token FROM log WHERE n = $1::bigint - 1), 'hex') AS before,
    coalesce((SELECT min(n) FROM log), 0)::float8 AS first, coalesce((SELECT max(n) FROM log), 0)::float8 AS last`,
};

/** The entry n without its data, for whoever has it, and those after it. */
export const READ: Statement = {
  name: 'read',
  text: `SELECT n::float8 AS n, encode(token, 'hex') AS token, nonce, schema, kind, extract(epoch FROM at)::float8 AS at,
      CASE WHEN n > $1::bigint THEN data END AS data
    FROM log WHERE n >= $1::bigint ORDER BY n LIMIT $2::integer`,
};

/** Asked each second: the net below NOTIFY, the health check and the clock. */
export const PULSE: Statement = {
  name: 'pulse',
  text: `SELECT coalesce((SELECT max(n) FROM log), 0)::float8 AS last, extract(epoch FROM clock_timestamp())::float8 AS now,
    current_setting('synchronous_standby_names') AS names, pg_is_in_recovery() AS standby`,
};
