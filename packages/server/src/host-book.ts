import type { AckRequest, HostName } from '@banshare/protocol';
import { parseHostName } from '@banshare/protocol';
import { Instances } from './instances.ts';
import type { Row } from './rows.ts';
import type { SqliteLedger } from './sqlite-ledger.ts';

/** `pending` waits for an operator; `revoked` is refused everywhere. */
export type HostState = 'active' | 'pending' | 'revoked';

/** A host of the fleet. Times are epoch seconds; key is Ed25519 in hex, curve the same key for CURVE in Z85. */
export type Host = {
  id: number;
  key: string;
  curve: string;
  name: HostName;
  /** The name it asked for, where another key has that one. */
  wanted: string;
  state: HostState;
  enrolled: number;
  addresses: readonly string[];
  lastSeen: number | null;
  position: { epoch: string; applied: number } | null;
  version: string | null;
  generation: string | null;
  clockAhead: number | null;
  /** The processes that speak with its key. */
  instances: Instances;
};

/** Who belongs to the fleet: in memory for every request, in the ledger's file for the next start. */
export class HostBook {
  readonly #ledger: SqliteLedger;
  readonly #byKey = new Map<string, Host>();
  readonly #byCurve = new Map<string, Host>();
  readonly #changed = new Set<Host>();
  readonly #listeners = new Set<(host: Host) => void>();

  constructor(ledger: SqliteLedger) {
    this.#ledger = ledger;
    this.reload();
  }

  /** Reads every host anew, after a transaction that failed: what it changed here is not in the file. */
  reload(): void {
    for (const held of [this.#byKey, this.#byCurve, this.#changed]) held.clear();
    for (const row of this.#ledger.sql('SELECT * FROM hosts').all()) this.#remember(hostOf(row as Row));
  }

  byKey(key: string): Host | undefined {
    return this.#byKey.get(key);
  }

  byCurve(curve: string): Host | undefined {
    return this.#byCurve.get(curve);
  }

  byName(name: string): Host | undefined {
    return this.all().find((host) => host.name === name);
  }

  all(): Host[] {
    return [...this.#byKey.values()];
  }

  /** Those that are in the fleet: neither waiting nor shut out. */
  active(): Host[] {
    return this.all().filter(({ state }) => state === 'active');
  }

  /**
   * Adds a host that may speak from now on. A name that another key has gets four hex digits of this key behind it.
   * @throws when the ledger's file cannot be written.
   */
  enrol(
    newcomer: { key: string; curve: string; name: HostName; addresses: readonly string[] },
    state: HostState,
    now: number,
  ): Host {
    const name = this.#freeName(newcomer.name, newcomer.key);
    const { key, curve, addresses } = newcomer;
    const id = this.#nextId();
    this.#ledger
      .sql(
        'INSERT INTO hosts (id, key, curve, name, wanted, state, enrolled, addresses) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(id, key, curve, name, newcomer.name, state, now, JSON.stringify(addresses));
    const host: Host = {
      id,
      key,
      curve,
      name,
      wanted: newcomer.name,
      state,
      enrolled: now,
      addresses,
      lastSeen: now,
      position: null,
      version: null,
      generation: null,
      clockAhead: null,
      instances: new Instances(),
    };
    this.#remember(host);
    return host;
  }

  /** Changes what a host may do, or what it is called. @throws when the ledger's file cannot be written. */
  change(host: Host, to: { state?: HostState; name?: HostName }): void {
    const { state = host.state, name = host.name } = to;
    this.#ledger.sql('UPDATE hosts SET state = ?, name = ? WHERE id = ?').run(state, name, host.id);
    host.state = state;
    host.name = name;
  }

  /** Forgets a host and its key; what it reported stays told, of nobody. */
  forget(host: Host): void {
    this.#ledger.together(() => {
      for (const table of ['supporters', 'acks', 'outcomes', 'seen_at']) {
        this.#ledger.sql(`DELETE FROM ${table} WHERE host = ?`).run(host.id);
      }
      this.#ledger.sql('DELETE FROM hosts WHERE id = ?').run(host.id);
    });
    this.#byKey.delete(host.key);
    this.#byCurve.delete(host.curve);
    this.#changed.delete(host);
  }

  /**
   * Notes how far a host says it is; clockAhead is by how many seconds its clock is ahead of ours. What it tells of single
   * events is on disk when this returns, since the host then forgets it; the rest follows with the next flush.
   */
  acknowledge(host: Host, ack: AckRequest, clockAhead: number, now: number): void {
    host.lastSeen = now;
    host.position = { epoch: ack.epoch, applied: ack.applied };
    host.version = ack.version;
    host.generation = ack.generation;
    host.clockAhead = clockAhead;
    host.instances.hear(ack.instance, now);
    this.#changed.add(host);
    if (ack.outcomes.length > 0) this.#writeOutcomes(host, ack, now);
    for (const listen of this.#listeners) listen(host);
  }

  /** Calls a listener after each acknowledgement, until the returned function is called. */
  onAcknowledged(listen: (host: Host) => void): () => void {
    this.#listeners.add(listen);
    return () => this.#listeners.delete(listen);
  }

  #writeOutcomes(host: Host, ack: AckRequest, now: number): void {
    this.#ledger.together(() => {
      for (const { seq, outcome, reason } of ack.outcomes) {
        this.#ledger
          .sql('INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?)')
          .run(seq, host.id, outcome, reason ?? null, now);
      }
    });
  }

  /** Writes what acknowledgements changed; a crash before it costs nothing, the hosts tell it again. */
  flush(): void {
    const changed = [...this.#changed];
    this.#changed.clear();
    if (changed.length === 0) return;
    this.#ledger.together(() => {
      for (const { id, lastSeen, position, version, generation, clockAhead } of changed) {
        this.#ledger
          .sql(
            `UPDATE hosts SET last_seen = ?, epoch = ?, applied = ?, version = ?, generation = ?, clock_ahead = ?
             WHERE id = ?`,
          )
          .run(
            lastSeen,
            position?.epoch ?? null,
            position?.applied ?? null,
            version,
            generation,
            clockAhead,
            id,
          );
        if (position === null || lastSeen === null) continue;
        this.#ledger.sql('INSERT OR IGNORE INTO acks VALUES (?, ?, ?)').run(id, position.applied, lastSeen);
      }
    });
  }

  /** What each host has told of an event, by host id. */
  outcomesOf(seq: number): Map<number, { outcome: string; reason: string | null; at: number }> {
    const rows = this.#ledger
      .sql('SELECT host, outcome, reason, at FROM outcomes WHERE seq = ?')
      .all(seq) as Row[];
    return new Map(
      rows.map((row) => [
        Number(row['host']),
        {
          outcome: String(row['outcome']),
          reason: row['reason'] === null ? null : String(row['reason']),
          at: Number(row['at']),
        },
      ]),
    );
  }

  /** When a host first said that it has everything up to a seq, epoch seconds. */
  reachedAt(host: Host, seq: number): number | undefined {
    const row = this.#ledger
      .sql('SELECT min(at) AS at FROM acks WHERE host = ? AND applied >= ?')
      .get(host.id, seq);
    const at = (row as Row)['at'];
    return typeof at === 'number' ? at : undefined;
  }

  /** Never that of a forgotten host, whose reports are kept. */
  #nextId(): number {
    const row = this.#ledger
      .sql(
        `SELECT max(id) AS id FROM
         (SELECT max(id) AS id FROM hosts UNION ALL SELECT max(host) FROM reports UNION ALL SELECT max(host) FROM held)`,
      )
      .get() as Row;
    return Number(row['id'] ?? 0) + 1;
  }

  #freeName(wanted: HostName, key: string): HostName {
    const isTaken = (name: string): boolean => this.byName(name) !== undefined;
    if (!isTaken(wanted)) return wanted;
    for (let digits = 4; digits <= 32; digits += 4) {
      const name = nameWith(wanted, `-${key.slice(0, digits)}`);
      if (name !== undefined && !isTaken(name)) return name;
    }
    throw new Error(`Cannot find a free name for the host ${wanted}`);
  }

  #remember(host: Host): void {
    this.#byKey.set(host.key, host);
    this.#byCurve.set(host.curve, host);
  }
}

/** As much of a name as leaves room for the suffix: a label has at most 63 characters, a name 255. */
export function nameWith(wanted: HostName, suffix: string): HostName | undefined {
  for (let length = wanted.length; length > 0; length -= 1) {
    const name = parseHostName(wanted.slice(0, length) + suffix);
    if (name.ok) return name.value;
  }
  return undefined;
}

function hostOf(row: Row): Host {
  const text = (name: string): string | null => (row[name] === null ? null : String(row[name]));
  const epoch = text('epoch');
  return {
    id: Number(row['id']),
    key: String(row['key']),
    curve: String(row['curve']),
    name: String(row['name']) as HostName,
    // Hosts of an older ledger were all called what they wanted.
    wanted: String(row['wanted']) || String(row['name']),
    state: row['state'] as HostState,
    enrolled: Number(row['enrolled']),
    addresses: JSON.parse(String(row['addresses'])) as string[],
    lastSeen: row['last_seen'] === null ? null : Number(row['last_seen']),
    position: epoch === null ? null : { epoch, applied: Number(row['applied']) },
    version: text('version'),
    generation: text('generation'),
    clockAhead: row['clock_ahead'] === null ? null : Number(row['clock_ahead']),
    instances: new Instances(),
  };
}
