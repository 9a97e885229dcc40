import type { HostName, Receipt } from '@banshare/protocol';
import { Instances } from '../words/instances.ts';
import type { Row } from './rows.ts';
import type { Host, HostState } from '../words/host.ts';

/** Clocks tremble: seconds by which one has to move before that is written. */
const CLOCK_STEP = 5;

/** A host as its row in the ledger tells. */
export function hostOf(row: Row): Host {
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
    ahead: 0,
    lacking: 0,
    version: text('version'),
    generation: text('generation'),
    clockAhead: row['clock_ahead'] === null ? null : Number(row['clock_ahead']),
    ranges: row['ranges'] === null ? null : row['ranges'] === 1,
    receipt: row['receipt'] === null ? null : (JSON.parse(String(row['receipt'])) as Receipt),
    outSince: row['out_since'] === null ? null : Number(row['out_since']),
    mute:
      row['muted_until'] === null
        ? null
        : { until: Number(row['muted_until']), note: text('mute_note') ?? '' },
    instances: new Instances(),
  };
}

/** What acknowledgements change of a host's row, in the order of WRITE_TOLD. */
export function toldOf(host: Host): (string | number | null)[] {
  const { position, version, generation, clockAhead, ranges, addresses, receipt, outSince } = host;
  return [
    position?.epoch ?? null,
    position?.applied ?? null,
    version,
    generation,
    clockAhead,
    ranges === null ? null : Number(ranges),
    JSON.stringify(addresses),
    receipt === null ? null : JSON.stringify(receipt),
    outSince,
  ];
}

export const WRITE_TOLD = `UPDATE hosts SET epoch = ?, applied = ?, version = ?, generation = ?, clock_ahead = ?, ranges = ?, addresses = ?,
  receipt = ?, out_since = ?, last_seen = ? WHERE id = ?`;

/** The same as one text, without what changes with every word of a host: its row is written when this changes. */
export function gistOf(host: Host): string {
  const { clockAhead, receipt } = host;
  return JSON.stringify(
    toldOf({
      ...host,
      clockAhead: clockAhead === null ? null : Math.round(clockAhead / CLOCK_STEP),
      receipt: receipt === null ? null : { ...receipt, comparedAgo: 0 },
    }),
  );
}
