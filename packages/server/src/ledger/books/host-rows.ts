import type { Event, HostName, NodeBuild, Receipt } from '@banshare/protocol';
import { Instances } from '../../words/hosts/instances.ts';
import type { Row } from '../tables/rows.ts';
import type { Ledger } from '../ledger.ts';
import { REACHED_SECONDS } from '../../words/history.ts';
import type { Host, HostState, Key } from '../../words/hosts/host.ts';

/** Clocks tremble: seconds by which one has to move before that is written. */
const CLOCK_STEP = 5;

/** The rows of the hosts. Whatever writes is called within a piece of the ledger's queue. */
export class HostRows {
  readonly #ledger: Pick<Ledger, 'sql'>;

  constructor(ledger: Pick<Ledger, 'sql'>) {
    this.#ledger = ledger;
  }

  all(): Host[] {
    return (this.#ledger.sql('SELECT * FROM hosts').all() as Row[]).map(hostOf);
  }

  get(id: number): Host | undefined {
    const row = this.#ledger.sql('SELECT * FROM hosts WHERE id = ?').get(id) as Row | undefined;
    return row === undefined ? undefined : hostOf(row);
  }

  insert(host: Host): void {
    const { id, key, curve, name, wanted, state, enrolled, approved, addresses, lastSeen, token } = host;
    this.#ledger
      .sql(
        `INSERT INTO hosts (id, key, curve, name, wanted, state, enrolled, approved, addresses, last_seen, token)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        key,
        curve,
        name,
        wanted,
        state,
        enrolled,
        approved,
        JSON.stringify(addresses),
        lastSeen,
        token,
      );
  }

  setAdmission(
    id: number,
    { state, name, approved, token }: Pick<Host, 'state' | 'name' | 'approved' | 'token'>,
  ): void {
    this.#ledger
      .sql('UPDATE hosts SET state = ?, name = ?, approved = ?, token = ? WHERE id = ?')
      .run(state, name, approved, token, id);
  }

  setKeys(id: number, { key, curve, next, rotationAt }: Key & Pick<Host, 'next' | 'rotationAt'>): void {
    this.#ledger
      .sql('UPDATE hosts SET key = ?, curve = ?, next_key = ?, next_curve = ?, rotation_at = ? WHERE id = ?')
      .run(key, curve, next?.key ?? null, next?.curve ?? null, rotationAt, id);
  }

  setMute(id: number, mute: Host['mute']): void {
    this.#ledger
      .sql('UPDATE hosts SET muted_until = ?, mute_note = ? WHERE id = ?')
      .run(mute?.until ?? null, mute?.note ?? null, id);
  }

  /** Writes what a host told of itself last, and when it first was as far as it is. */
  writeTold(host: Host): void {
    const { id, lastSeen, position } = host;
    this.#ledger.sql(WRITE_TOLD).run(...toldOf(host), lastSeen, id);
    if (position === null || lastSeen === null) return;
    this.#ledger.sql('INSERT OR IGNORE INTO acks VALUES (?, ?, ?)').run(id, position.applied, lastSeen);
  }

  /** When a host first said that it has everything up to an event, epoch seconds; undefined where that is no longer kept. */
  reachedAt(id: number, { seq, at: published }: Pick<Event, 'seq' | 'at'>, now: number): number | undefined {
    if (published < now - REACHED_SECONDS) return undefined;
    const row = this.#ledger
      .sql('SELECT min(at) AS at FROM acks WHERE host = ? AND applied >= ?')
      .get(id, seq);
    const at = (row as Row)['at'];
    return typeof at === 'number' ? at : undefined;
  }

  /** Removes a host and all that is told of it but its reports, which then are nobody's. */
  forget(id: number): void {
    for (const table of ['supporters', 'acks', 'outcomes', 'seen_at', 'approved_at'])
      this.#ledger.sql(`DELETE FROM ${table} WHERE host = ?`).run(id);
    this.#ledger.sql('DELETE FROM hosts WHERE id = ?').run(id);
  }

  /** Never that of a forgotten host, whose reports are kept. */
  nextId(): number {
    const row = this.#ledger
      .sql(
        `SELECT max(id) AS id FROM
         (SELECT max(id) AS id FROM hosts UNION ALL SELECT max(host) FROM reports UNION ALL SELECT max(host) FROM held)`,
      )
      .get() as Row;
    return Number(row['id'] ?? 0) + 1;
  }
}

/** A host as its row in the ledger tells. */
function hostOf(row: Row): Host {
  const text = (name: string): string | null => (row[name] === null ? null : String(row[name]));
  const epoch = text('epoch');
  const nextKey = text('next_key');
  return {
    id: Number(row['id']),
    key: String(row['key']),
    curve: String(row['curve']),
    next: nextKey === null ? null : { key: nextKey, curve: String(row['next_curve']) },
    rotationAt: row['rotation_at'] === null ? null : Number(row['rotation_at']),
    name: String(row['name']) as HostName,
    // Hosts of an older ledger were all called what they wanted.
    wanted: String(row['wanted']) || String(row['name']),
    state: row['state'] as HostState,
    enrolled: Number(row['enrolled']),
    approved: row['approved'] === null ? null : Number(row['approved']),
    addresses: JSON.parse(String(row['addresses'])) as string[],
    heardAt: null,
    lastSeen: row['last_seen'] === null ? null : Number(row['last_seen']),
    position: epoch === null ? null : { epoch, applied: Number(row['applied']) },
    ahead: Number(row['ahead']),
    lacking: Number(row['lacking']),
    version: text('version'),
    generation: text('generation'),
    node: row['node'] === null ? null : (JSON.parse(String(row['node'])) as NodeBuild),
    server: text('server'),
    token: text('token'),
    clockAhead: row['clock_ahead'] === null ? null : Number(row['clock_ahead']),
    ranges: row['ranges'] === null ? null : row['ranges'] === 1,
    receipt: row['receipt'] === null ? null : (JSON.parse(String(row['receipt'])) as Receipt),
    outSince: row['out_since'] === null ? null : Number(row['out_since']),
    mute:
      row['muted_until'] === null
        ? null
        : { until: Number(row['muted_until']), note: text('mute_note') ?? '' },
    spool: row['spool'] === null ? null : Number(row['spool']),
    dropped: null,
    instances: new Instances(),
  };
}

/** What acknowledgements change of a host's row, in the order of WRITE_TOLD. */
function toldOf(host: Host): (string | number | null)[] {
  const { position, version, generation, node, server, clockAhead, ranges, addresses, receipt, outSince } =
    host;
  const { ahead, lacking, spool } = host;
  return [
    position?.epoch ?? null,
    position?.applied ?? null,
    version,
    generation,
    node === null ? null : JSON.stringify(node),
    server,
    clockAhead,
    ranges === null ? null : Number(ranges),
    JSON.stringify(addresses),
    receipt === null ? null : JSON.stringify(receipt),
    outSince,
    ahead,
    lacking,
    spool,
  ];
}

const WRITE_TOLD = `UPDATE hosts SET epoch = ?, applied = ?, version = ?, generation = ?, node = ?, server = ?, clock_ahead = ?, ranges = ?, addresses = ?,
  receipt = ?, out_since = ?, ahead = ?, lacking = ?, spool = ?, last_seen = ? WHERE id = ?`;

/** The same as one text, without what changes with every word of a host: its row is written when this changes. */
export function gistOf(host: Host): string {
  const { clockAhead, receipt, ahead, lacking, spool } = host;
  return JSON.stringify(
    toldOf({
      ...host,
      clockAhead: clockAhead === null ? null : Math.round(clockAhead / CLOCK_STEP),
      receipt: receipt === null ? null : { ...receipt, comparedAgo: 0 },
      // A thousand hosts that empty their spools would be written with every word.
      ahead: roughly(ahead),
      lacking: roughly(lacking),
      spool: spool === null ? null : roughly(spool),
    }),
  );
}

/** The same for a number and others up to about twice as much; 0 for none alone. */
function roughly(count: number): number {
  return Math.ceil(Math.log2(count + 1));
}
