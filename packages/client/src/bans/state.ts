import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { parseOutcome, type BanKey, type Outcome, type Position, type Receipt } from '@banshare/protocol';
import { makePrivateDirectory } from '@banshare/runtime';
import type { ReasonCode } from './reason.ts';
import type { BanRow, RowStatus, Standing } from './ban-row.ts';
import { DroppedBook } from './dropped.ts';
import { InPlace } from './in-place.ts';
import { KeptByPause } from './kept-by-pause.ts';
import { Tally, type Counted } from './tally.ts';
import { Remains } from './remains.ts';
import { openState } from './state-schema.ts';
import { FIXED, STAYS, rowOf, countedOf } from './columns.ts';

/** What the client has recorded of each ban, in its folder of /var/lib. */
export const STATE_FILE = 'state.db';

/**
 * What this host took over and how far it is, in one file: position and bans change in one transaction, so that after a crash
 * at any point a ban may be applied twice but is never missed. A power cut may take the last transactions back, both halves
 * together; sync then brings them again.
 */
export class State {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();
  /** Made at the first question, and anew after a transaction was taken back, whose changes it has counted. */
  #tally: Tally | undefined;
  readonly remains = new Remains((text) => this.#sql(text));
  readonly keptByPause = new KeptByPause((text) => this.#sql(text), rowOf);
  readonly inPlace = new InPlace((text) => this.#sql(text), rowOf);
  readonly dropped = new DroppedBook((text) => this.#sql(text));

  /** @throws StartFault when the file cannot be used, is damaged, or belongs to a newer program. */
  constructor(directory: string) {
    makePrivateDirectory(directory);
    const path = join(directory, STATE_FILE);
    this.#database = openState(path);
  }

  position(): Position | undefined {
    const row = this.#sql("SELECT value FROM meta WHERE name = 'position'").get();
    return row === undefined ? undefined : (JSON.parse(String(row['value'])) as Position);
  }

  /** Does what changes the bans and moves the position, all or nothing. */
  advance(position: Position, change: () => void): void {
    this.inTransaction(() => {
      change();
      this.#sql("INSERT OR REPLACE INTO meta VALUES ('position', ?)").run(JSON.stringify(position));
    });
  }

  /** Does several changes in one transaction. */
  inTransaction(change: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      change();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      this.#tally = undefined;
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

  /**
   * Writes a row. now is epoch seconds.
   * @param earlier the row as it is in the state, where it was read in the same transaction, null where there was none: it is not looked up
   * again, and where only its standing changes only that is written, with the indexes that it concerns.
   */
  put(row: BanRow, now: number, earlier?: BanRow | null): void {
    const before = earlier === null ? undefined : (earlier ?? this.#countedOf(row));
    const forced = row.isEveryJail ? 2 : row.isForced ? 1 : 0;
    const standing = [
      row.status,
      row.reason.text,
      row.isOurs ? 1 : 0,
      now,
      row.attempts,
      row.retryAt,
      forced,
    ] as const;
    const { code: keptCode, text: keptBack } = row.keptBack;
    if (earlier !== undefined && earlier !== null && STAYS.every((name) => row[name] === earlier[name]))
      this.#sql(
        `UPDATE bans SET status = ?, reason = ?, ours = ?, changed = ?, attempts = ?, retry_at = ?, forced = ?, kept_back = ?,
         reason_code = ?, kept_code = ? WHERE ip = ? AND prog = ? AND jail = ?`,
      ).run(...standing, keptBack, row.reason.code, keptCode, row.ip, row.prog, row.jail);
    else
      this.#sql(
        'INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ).run(
        ...FIXED.map((name) => row[name]),
        ...standing,
        keptBack,
        row.origin,
        row.finder,
        row.reason.code,
        keptCode,
      );
    this.#tally?.change(row, before, row);
  }

  remove(ban: BanKey): void {
    const before = this.#countedOf(ban);
    this.#sql('DELETE FROM bans WHERE ip = ? AND prog = ? AND jail = ?').run(ban.ip, ban.prog, ban.jail);
    this.#tally?.change(ban, before, undefined);
  }

  /** What a part of all is, without what became of it, in the order of the keys from behind one of them. */
  keys(behind: BanKey | undefined, limit: number): BanKey[] {
    const sql =
      'SELECT ip, prog, jail FROM bans WHERE (ip, prog, jail) > (?, ?, ?) ORDER BY ip, prog, jail LIMIT ?';
    return this.#sql(sql).all(...keyOf(behind), limit) as BanKey[];
  }

  /** A part of all, in the order of the keys from behind one of them. */
  page(behind: BanKey | undefined, limit: number): BanRow[] {
    return this.#sql('SELECT * FROM bans WHERE (ip, prog, jail) > (?, ?, ?) ORDER BY ip, prog, jail LIMIT ?')
      .all(...keyOf(behind), limit)
      .map(rowOf);
  }

  /** A part of what has one of these statuses, in the order of the keys from behind one of them. */
  pageOf<Status extends RowStatus>(
    statuses: readonly Status[],
    behind: BanKey | undefined,
    limit: number,
  ): (BanRow & { status: Status })[] {
    const rows = this.#sql(
      `SELECT * FROM bans WHERE (ip, prog, jail) > (?, ?, ?) AND status IN (SELECT value FROM json_each(?))
       ORDER BY ip, prog, jail LIMIT ?`,
    ).all(...keyOf(behind), JSON.stringify(statuses), limit);
    return rows.map((row) => rowOf(row) as BanRow & { status: Status });
  }

  /** A part of what is not skipped, in the order of the keys from behind one of them. */
  notSkipped(behind: BanKey | undefined, limit: number): BanRow[] {
    return this.#sql(
      "SELECT * FROM bans WHERE (ip, prog, jail) > (?, ?, ?) AND status <> 'skipped' ORDER BY ip, prog, jail LIMIT ?",
    )
      .all(...keyOf(behind), limit)
      .map(rowOf);
  }

  /** Whether a snapshot is being written: seqs here are of two histories, of which nobody may be told. */
  isPartial = false;

  all(): BanRow[] {
    return this.#sql('SELECT * FROM bans ORDER BY seq').all().map(rowOf);
  }

  /** The bans of one address. */
  of(ip: string): BanRow[] {
    return this.#sql('SELECT * FROM bans WHERE ip = ? ORDER BY seq').all(ip).map(rowOf);
  }

  /** The bans of ranges. */
  ranges(): BanRow[] {
    return this.#sql("SELECT * FROM bans WHERE instr(ip, '/') > 0 ORDER BY seq").all().map(rowOf);
  }

  withStatus<Status extends RowStatus>(status: Status): (BanRow & { status: Status })[] {
    const rows = this.#sql('SELECT * FROM bans WHERE status = ? ORDER BY seq').all(status);
    return rows.map((row) => rowOf(row) as BanRow & { status: Status });
  }

  /** Of each prog, jail and local jail the ban in place that lasts longest, of an address and of a range. */
  longestInPlace(): Standing[] {
    return this.#sql(
      `SELECT *, max(coalesce(until, 9e15)) FROM bans WHERE status IN ('applied', 'already', 'unproven') GROUP BY prog, jail, local_jail, instr(ip, '/') > 0`,
    )
      .all()
      .map((row) => rowOf(row) as Standing);
  }

  /** A part of what is skipped for one of these reasons, or still being lifted for it, in the order of the keys from behind one of them. */
  skippedFor(codes: readonly ReasonCode[], behind: BanKey | undefined, limit: number): BanRow[] {
    return this.#sql(
      `SELECT * FROM bans WHERE (ip, prog, jail) > (?, ?, ?) AND status IN ('skipped', 'lifting')
       AND iif(status = 'skipped', reason_code, kept_code) IN (SELECT value FROM json_each(?)) ORDER BY ip, prog, jail LIMIT ?`,
    )
      .all(...keyOf(behind), JSON.stringify(codes), limit)
      .map(rowOf);
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

  /** Other bans of the same address, wherever they stand. */
  ofSameAddress(row: BanRow): BanRow[] {
    return this.#sql('SELECT * FROM bans WHERE ip = ? AND NOT (prog = ? AND jail = ?)')
      .all(row.ip, row.prog, row.jail)
      .map(rowOf);
  }

  /** The seq of the oldest event that is not carried out yet: asked at each acknowledgement, also while a hundred thousand wait. */
  oldestUnsettled(): number | undefined {
    const row = this.#sql(
      "SELECT min(seq) AS seq FROM bans INDEXED BY bans_unsettled WHERE status IN ('pending', 'lifting') AND attempts = 0 AND seq > 0",
    ).get();
    const seq = row?.['seq'];
    return typeof seq === 'number' ? seq : undefined;
  }

  /** Bans in force that the server's ledger lacks: of no event of its history, their seq is 0. */
  lackingCount(): number {
    const row = this.#sql(
      "SELECT count(*) AS n FROM bans INDEXED BY bans_lacking WHERE seq = 0 AND status IN ('pending', 'applied', 'already', 'failed', 'unproven')",
    ).get();
    return Number(row?.['n']);
  }

  /** What failed and has waited long enough. */
  dueAgain(now: number, limit: number): BanRow[] {
    return this.#sql('SELECT * FROM bans WHERE retry_at <= ? ORDER BY retry_at LIMIT ?')
      .all(now, limit)
      .map(rowOf);
  }

  /** How many bans are in place by banshare, or about to be. */
  inPlaceCount(): number {
    return this.#tallied().byBanshare;
  }

  /** Whether nothing is left out for want of room: then newestLeftOut() need not be asked, which takes a tenth of a millisecond. */
  get hasAll(): boolean {
    return this.#tallied().full === 0;
  }

  /** How many bans could not be lifted when that was tried, and one of them. */
  unlifted(): { count: number; example: BanRow | undefined } {
    const where = "status = 'lifting' AND attempts > 0";
    const count = Number(this.#sql(`SELECT count(*) AS n FROM bans WHERE ${where}`).get()?.['n']);
    const [example] = this.#sql(`SELECT * FROM bans WHERE ${where} ORDER BY attempts DESC LIMIT 1`).all();
    return { count, example: example === undefined ? undefined : rowOf(example) };
  }

  /** Makes everything that failed due. */
  tryAgainNow(now: number): void {
    this.#sql('UPDATE bans SET retry_at = ? WHERE retry_at IS NOT NULL').run(now);
  }

  /** What a part of the client keeps over a restart. */
  memory(name: string): { recall: () => string | undefined; remember: (text: string) => void } {
    return {
      recall: () => {
        const row = this.#sql('SELECT value FROM meta WHERE name = ?').get(name);
        return row === undefined ? undefined : String(row['value']);
      },
      remember: (text) => {
        this.#sql('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(name, text);
      },
    };
  }

  /** Keeps what became of an event until the server has it. */
  tell(outcome: Outcome): void {
    // No event of the server's ledger stands behind such a ban, so that nobody can be told of it.
    if (outcome.seq === 0) return;
    this.#sql('INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)').run(
      outcome.seq,
      outcome.outcome,
      outcome.reason ?? null,
    );
  }

  /** What the server has not been told yet, oldest first. */
  untold(limit: number): Outcome[] {
    const rows = this.#sql('SELECT seq, outcome, reason FROM outbox ORDER BY seq LIMIT ?').all(limit);
    return rows.flatMap((row) => parseOutcome({ ...row }));
  }

  /** Forgets what the server has; what was told anew meanwhile stays. */
  told(outcomes: readonly Outcome[]): void {
    if (outcomes.length === 0) return;
    // Without a transaction around them each would be a commit of its own.
    this.inTransaction(() => outcomes.forEach((each) => this.#forgetTold(each)));
  }

  #forgetTold(told: Outcome): void {
    const row = this.#sql('SELECT seq, outcome, reason FROM outbox WHERE seq = ?').get(told.seq);
    // Both are compared as they go out: a reason is cut, and made one line, on its way, and would else never be the same.
    const [kept] = row === undefined ? [] : parseOutcome({ ...row });
    if (kept?.outcome === told.outcome && kept.reason === told.reason)
      this.#sql('DELETE FROM outbox WHERE seq = ?').run(told.seq);
  }

  /** Forgets what was not told yet: after a change of the epoch its seqs mean other events. */
  forgetUntold(): void {
    this.#sql('DELETE FROM outbox').run();
  }

  /** Since when an operator wants nothing applied here, epoch seconds; undefined where that is not so. */
  pausedAt(): number | undefined {
    const row = this.#sql("SELECT value FROM meta WHERE name = 'paused'").get();
    return row === undefined ? undefined : Number(row['value']);
  }

  setPaused(at: number | undefined): void {
    if (at === undefined) this.#sql("DELETE FROM meta WHERE name = 'paused'").run();
    else this.#sql("INSERT OR REPLACE INTO meta VALUES ('paused', ?)").run(String(at));
  }

  /** How many bans should be in place here, and how many are. */
  receipt(): Omit<Receipt, 'enforcer'> {
    return this.#tallied().receipt;
  }

  counts(): Record<string, number> {
    const rows = this.#sql('SELECT status, count(*) AS n FROM bans GROUP BY status').all();
    return Object.fromEntries(rows.map((row) => [String(row['status']), Number(row['n'])]));
  }

  close(): void {
    this.#database.close();
  }

  #tallied(): Tally {
    if (this.#tally !== undefined) return this.#tally;
    const tally = new Tally();
    // Read as lists: a host with a hundred thousand bans reads them at its start, and is deaf meanwhile.
    const rows = this.#listing(
      'SELECT status, reason_code, reason, kept_code, ours, ip, prog, jail FROM bans',
    ).iterate();
    for (const row of rows) {
      const [ip, prog, jail] = (row as unknown as string[]).slice(5);
      tally.change({ ip, prog, jail } as BanKey, undefined, countedOf(row as unknown as unknown[]));
    }
    this.#tally = tally;
    return tally;
  }

  #countedOf({ ip, prog, jail }: BanKey): Counted | undefined {
    if (this.#tally === undefined) return undefined;
    const sql =
      'SELECT status, reason_code, reason, kept_code, ours FROM bans WHERE ip = ? AND prog = ? AND jail = ?';
    const row = this.#listing(sql).get(ip, prog, jail) as unknown as unknown[] | undefined;
    return row === undefined ? undefined : countedOf(row);
  }

  /** The same as #sql(), with each row as a list of its columns, which takes a third of the time. */
  #listing(text: string): StatementSync {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const made = this.#sql(text);
    made.setReturnArrays(true);
    return made;
  }

  #sql(text: string): StatementSync {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const made = this.#database.prepare(text);
    // As rowOf() takes them: as objects with twenty names they take three times as long.
    if (/^SELECT \*.* FROM bans /s.test(text)) made.setReturnArrays(true);
    this.#prepared.set(text, made);
    return made;
  }
}

/** Before all others where there is none. */
const keyOf = (behind: BanKey | undefined): [string, string, string] => [
  behind?.ip ?? '',
  behind?.prog ?? '',
  behind?.jail ?? '',
];
