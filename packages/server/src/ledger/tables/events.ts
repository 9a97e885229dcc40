import { hash } from 'node:crypto';
import {
  EMPTY_TAIL,
  nextTail,
  OPERATOR_HOST,
  originOf,
  type BanKey,
  type Details,
  type Event,
  type HostName,
  type Origin,
  type Position,
} from '@banshare/protocol';
import { eventOf, MOST_LOOKED_BACK, type Row, type Sql } from './rows.ts';

/** An event before it has its position. */
export type Draft = BanKey &
  Details &
  Pick<Event, 'everyJail' | 'by'> & {
    kind: 'ban' | 'unban';
    host: HostName;
    at: number;
    until: number | null;
  };

/** The events of the epoch, in their order, each with the tail of all before it. */
export class EventBook {
  readonly #sql: Sql;
  #head: Position;
  /** Appended since they were last taken. */
  #fresh: Event[] = [];

  constructor(sql: Sql, makeEpoch: () => string) {
    this.#sql = sql;
    this.#head = readHead(sql, makeEpoch);
  }

  head(): Position {
    return this.#head;
  }

  /** Goes on from where a transaction came to that is committed by now. */
  advance(head: Position): void {
    this.#head = head;
  }

  /** Goes on from where the tables are, which another server has changed. */
  reread(): void {
    this.#head = readHead(this.#sql, () => this.#head.epoch);
  }

  mark(): { head: Position; fresh: number } {
    return { head: this.#head, fresh: this.#fresh.length };
  }

  /** Goes back to what was before something that is taken back. */
  rewind({ head, fresh }: { head: Position; fresh: number }): void {
    this.#head = head;
    this.#fresh.length = fresh;
  }

  /** What was appended since this was asked last, in order. */
  takeFresh(): Event[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  append(draft: Draft): Event {
    const { kind, ip, prog, jail, host, at, until, ...details } = draft;
    const { epoch, seq: headSeq, tail: headTail } = this.#head;
    const numbered = { epoch, seq: headSeq + 1, kind, ip, prog, jail, host, until };
    const tail = nextTail(sha256Hex, headTail, numbered);
    this.#sql('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      numbered.seq,
      kind,
      ip,
      prog,
      jail,
      host,
      at,
      until,
      tail,
      JSON.stringify(details),
    );
    this.#head = { epoch, seq: numbered.seq, tail };
    const event = { ...numbered, tail, at, ...details };
    this.#fresh.push(event);
    return event;
  }

  /** Whose word the ban of a seq is; undefined where that event is no longer kept. */
  origin(seq: number): Origin | undefined {
    const row = this.#sql('SELECT * FROM events WHERE seq = ?').get(seq) as Row | undefined;
    return row === undefined ? undefined : originOf(eventOf(row, this.#head.epoch));
  }

  since(seq: number, limit: number): Event[] {
    const rows = this.#sql('SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?').all(seq, limit);
    return rows.map((row) => eventOf(row as Row, this.#head.epoch));
  }

  /** The position of a seq, as long as every event after it is still kept. */
  at(seq: number): Position | undefined {
    const { epoch } = this.#head;
    if (seq < this.#prunedTo()) return undefined;
    if (seq === 0) return { epoch, seq: 0, tail: EMPTY_TAIL };
    const row = this.#sql('SELECT tail FROM events WHERE seq = ?').get(seq) as Row | undefined;
    return row === undefined ? undefined : { epoch, seq, tail: String(row['tail']) };
  }

  /** Removes events older than a time that no active ban needs; returns how many are gone. */
  prune(before: number, limit: number): number {
    const { seq: head } = this.#head;
    // Asked of so many at most: reports wait meanwhile, and everything that is kept would be read to find nothing old.
    const last = this.#sql('SELECT max(seq) AS seq FROM events WHERE at < ? AND seq < ? AND seq <= ?').get(
      before,
      head,
      this.#prunedTo() + limit,
    ) as Row;
    const upto = Math.min(Number(last['seq'] ?? 0), this.#prunedTo() + limit);
    if (upto <= this.#prunedTo()) return 0;
    const { changes } = this.#sql(
      'DELETE FROM events WHERE seq <= ? AND NOT EXISTS (SELECT 1 FROM bans WHERE bans.seq = events.seq)',
    ).run(upto);
    this.#sql("INSERT OR REPLACE INTO meta VALUES ('pruned-to', ?)").run(String(upto));
    return Number(changes);
  }

  #prunedTo(): number {
    const row = this.#sql("SELECT value FROM meta WHERE name = 'pruned-to'").get() as Row | undefined;
    return Number(row?.['value'] ?? 0);
  }
}

/**
 * The bans that hosts brought since a time (epoch seconds), oldest first. There is no index by time: the newest are looked at in the order
 * in which they came, until one is older.
 */
export function broughtSince(sql: Sql, { epoch, seq: last }: Position, time: number): Event[] {
  const most = last - MOST_LOOKED_BACK;
  const before = sql('SELECT seq FROM events WHERE seq > ? AND at < ? ORDER BY seq DESC LIMIT 1').get(
    most,
    time,
  ) as Row | undefined;
  const rows = sql("SELECT * FROM events WHERE seq > ? AND kind = 'ban' AND host <> ? ORDER BY seq").all(
    Number(before?.['seq'] ?? most),
    OPERATOR_HOST,
  );
  return rows.map((row) => eventOf(row as Row, epoch));
}

function readHead(sql: Sql, makeEpoch: () => string): Position {
  const stored = sql("SELECT value FROM meta WHERE name = 'epoch'").get() as Row | undefined;
  const epoch = stored === undefined ? makeEpoch() : String(stored['value']);
  if (stored === undefined) sql("INSERT INTO meta VALUES ('epoch', ?)").run(epoch);
  const last = sql('SELECT seq, tail FROM events ORDER BY seq DESC LIMIT 1').get() as Row | undefined;
  if (last === undefined) return { epoch, seq: 0, tail: EMPTY_TAIL };
  return { epoch, seq: Number(last['seq']), tail: String(last['tail']) };
}

function sha256Hex(text: string): string {
  return hash('sha256', text);
}
