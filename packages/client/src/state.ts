import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { BanKey, Position } from '@banshare/protocol';
import { makePrivateDirectory } from '@banshare/runtime';
import type { BanRow, RowStatus } from './ban-row.ts';

/** One step for each version; PRAGMA user_version says how many were taken. */
const STEPS: readonly string[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE bans (
     ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, host TEXT NOT NULL, until INTEGER,
     port TEXT NOT NULL, protocol TEXT NOT NULL, local_jail TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
     ours INTEGER NOT NULL, changed REAL NOT NULL, PRIMARY KEY (ip, prog, jail)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX bans_status ON bans (status);
   CREATE INDEX bans_until ON bans (until);
   CREATE INDEX bans_local ON bans (local_jail, ip);`,
];

/**
 * What this host took over and how far it is, in one file: position and bans change in one transaction, so that after a crash
 * at any point a ban may be applied twice but is never missed. A power cut may take the last transactions back, both halves
 * together; sync then brings them again.
 */
export class State {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  /** @throws when the file cannot be used, or belongs to a newer program. */
  constructor(directory: string) {
    makePrivateDirectory(directory);
    const path = join(directory, 'state.db');
    this.#database = new DatabaseSync(path);
    chmodSync(path, 0o600);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    this.#migrate(path);
  }

  position(): Position | undefined {
    const row = this.#sql("SELECT value FROM meta WHERE name = 'position'").get();
    return row === undefined ? undefined : (JSON.parse(String(row['value'])) as Position);
  }

  /** Does what changes the bans and moves the position, all or nothing. */
  advance(position: Position, change: () => void): void {
    this.together(() => {
      change();
      this.#sql("INSERT OR REPLACE INTO meta VALUES ('position', ?)").run(JSON.stringify(position));
    });
  }

  /** Does several changes in one transaction. */
  together(change: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      change();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  get(ban: BanKey): BanRow | undefined {
    const row = this.#sql('SELECT * FROM bans WHERE ip = ? AND prog = ? AND jail = ?').get(
      ban.ip,
      ban.prog,
      ban.jail,
    );
    return row === undefined ? undefined : rowOf(row);
  }

  put(row: BanRow, now: number): void {
    this.#sql('INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      row.ip,
      row.prog,
      row.jail,
      row.seq,
      row.at,
      row.host,
      row.until,
      row.port,
      row.protocol,
      row.localJail,
      row.status,
      row.reason,
      row.isOurs ? 1 : 0,
      now,
    );
  }

  remove(ban: BanKey): void {
    this.#sql('DELETE FROM bans WHERE ip = ? AND prog = ? AND jail = ?').run(ban.ip, ban.prog, ban.jail);
  }

  all(): BanRow[] {
    return this.#sql('SELECT * FROM bans ORDER BY seq').all().map(rowOf);
  }

  withStatus(status: RowStatus): BanRow[] {
    return this.#sql('SELECT * FROM bans WHERE status = ? ORDER BY seq').all(status).map(rowOf);
  }

  /** Bans whose end has come, those first that ended first. */
  over(now: number, limit: number): BanRow[] {
    return this.#sql("SELECT * FROM bans WHERE until <= ? AND status <> 'lifting' ORDER BY until LIMIT ?")
      .all(now, limit)
      .map(rowOf);
  }

  /** Other bans that want the same address banned in the same local jail. */
  sharing(row: BanRow): BanRow[] {
    return this.#sql('SELECT * FROM bans WHERE local_jail = ? AND ip = ? AND NOT (prog = ? AND jail = ?)')
      .all(row.localJail, row.ip, row.prog, row.jail)
      .map(rowOf);
  }

  /** The seq of the oldest event that is not carried out yet. */
  oldestUnsettled(): number | undefined {
    const row = this.#sql("SELECT min(seq) AS seq FROM bans WHERE status IN ('pending', 'lifting')").get();
    const seq = row?.['seq'];
    return typeof seq === 'number' ? seq : undefined;
  }

  counts(): Record<string, number> {
    const rows = this.#sql('SELECT status, count(*) AS n FROM bans GROUP BY status').all();
    return Object.fromEntries(rows.map((row) => [String(row['status']), Number(row['n'])]));
  }

  close(): void {
    this.#database.close();
  }

  #sql(text: string): StatementSync {
    const known = this.#prepared.get(text) ?? this.#database.prepare(text);
    this.#prepared.set(text, known);
    return known;
  }

  #migrate(path: string): void {
    const version = Number(this.#database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version > STEPS.length) {
      throw new Error(
        `Cannot use the state "${path}": it has version ${version}, this program knows up to ${STEPS.length}; install the newer banshare-client again`,
      );
    }
    for (const [index, step] of STEPS.entries()) {
      if (index >= version) this.#database.exec(`BEGIN; ${step} PRAGMA user_version = ${index + 1}; COMMIT`);
    }
  }
}

function rowOf(row: Record<string, unknown>): BanRow {
  return {
    ip: row['ip'],
    prog: row['prog'],
    jail: row['jail'],
    seq: Number(row['seq']),
    at: Number(row['at']),
    host: row['host'],
    until: row['until'] === null ? null : Number(row['until']),
    port: String(row['port']),
    protocol: String(row['protocol']),
    localJail: row['local_jail'],
    status: row['status'],
    reason: String(row['reason']),
    isOurs: row['ours'] === 1,
  } as BanRow;
}
