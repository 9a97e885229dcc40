import type { AckRequest, HostName } from '@banshare/protocol';
import { parseHostName } from '@banshare/protocol';
import type { SqliteLedger } from './sqlite-ledger.ts';

/** A host of the fleet. Times are epoch seconds; key is Ed25519 in hex, curve the same key for CURVE in Z85. */
export type Host = {
  id: number;
  key: string;
  curve: string;
  name: HostName;
  state: 'active';
  enrolled: number;
  addresses: readonly string[];
  lastSeen: number | null;
  position: { epoch: string; applied: number } | null;
  version: string | null;
  generation: string | null;
};

/** Who belongs to the fleet: in memory for every request, in the ledger's file for the next start. */
export class HostBook {
  readonly #ledger: SqliteLedger;
  readonly #byKey = new Map<string, Host>();

  constructor(ledger: SqliteLedger) {
    this.#ledger = ledger;
    for (const row of ledger.database.prepare('SELECT * FROM hosts').all()) this.#remember(hostOf(row));
  }

  byKey(key: string): Host | undefined {
    return this.#byKey.get(key);
  }

  byName(name: string): Host | undefined {
    return this.all().find((host) => host.name === name);
  }

  all(): Host[] {
    return [...this.#byKey.values()];
  }

  /**
   * Adds a host that may speak from now on. A name that another key has gets four hex digits of this key behind it.
   * @throws when the ledger's file cannot be written.
   */
  enrol(
    newcomer: { key: string; curve: string; name: HostName; addresses: readonly string[] },
    now: number,
  ): Host {
    const name = this.#freeName(newcomer.name, newcomer.key);
    const { key, curve, addresses } = newcomer;
    const result = this.#ledger.database
      .prepare('INSERT INTO hosts (key, curve, name, state, enrolled, addresses) VALUES (?, ?, ?, ?, ?, ?)')
      .run(key, curve, name, 'active', now, JSON.stringify(addresses));
    const host: Host = {
      id: Number(result.lastInsertRowid),
      key,
      curve,
      name,
      state: 'active',
      enrolled: now,
      addresses,
      lastSeen: now,
      position: null,
      version: null,
      generation: null,
    };
    this.#remember(host);
    return host;
  }

  /** Notes how far a host says it is. */
  acknowledge(host: Host, ack: AckRequest, now: number): void {
    host.lastSeen = now;
    host.position = { epoch: ack.epoch, applied: ack.applied };
    host.version = ack.version;
    host.generation = ack.generation;
    this.#ledger.database
      .prepare(
        'UPDATE hosts SET last_seen = ?, epoch = ?, applied = ?, version = ?, generation = ? WHERE id = ?',
      )
      .run(now, ack.epoch, ack.applied, ack.version, ack.generation, host.id);
  }

  #freeName(wanted: HostName, key: string): HostName {
    const isTaken = (name: string): boolean => this.byName(name) !== undefined;
    if (!isTaken(wanted)) return wanted;
    for (let digits = 4; digits <= key.length; digits += 4) {
      const name = parseHostName(`${wanted.slice(0, 180)}-${key.slice(0, digits)}`);
      if (name.ok && !isTaken(name.value)) return name.value;
    }
    throw new Error(`Cannot find a free name for the host ${wanted}`);
  }

  #remember(host: Host): void {
    this.#byKey.set(host.key, host);
  }
}

function hostOf(row: Record<string, unknown>): Host {
  const text = (name: string): string | null => (row[name] === null ? null : String(row[name]));
  const epoch = text('epoch');
  return {
    id: Number(row['id']),
    key: String(row['key']),
    curve: String(row['curve']),
    name: String(row['name']) as HostName,
    state: 'active',
    enrolled: Number(row['enrolled']),
    addresses: JSON.parse(String(row['addresses'])) as string[],
    lastSeen: row['last_seen'] === null ? null : Number(row['last_seen']),
    position: epoch === null ? null : { epoch, applied: Number(row['applied']) },
    version: text('version'),
    generation: text('generation'),
  };
}
