import type { HostName } from '@banshare/protocol';
import type { Host, HostState } from './host-book.ts';
import { Instances } from './instances.ts';
import type { Row } from './rows.ts';

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
    instances: new Instances(),
  };
}
