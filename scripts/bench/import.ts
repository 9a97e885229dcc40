import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Fault } from '../say.ts';
import { show, type Figure } from './figures.ts';
import type { BenchFleet } from './load/fleet.ts';

/** How many bans are imported. */
export const BANS = 100_000;
/** As many as import asks the server to write in one transaction. */
const AT_ONCE = 1000;

/** A list of 100,000 addresses into a running server, by its command, against one row each into a bare SQLite. */
export function measureImport(fleet: BenchFleet): Figure[] {
  const list = join(fleet.folder, 'list.csv');
  const addresses = writeList(list, 0);
  const bare = insertAll(join(fleet.folder, 'bare.db'), addresses);
  const began = performance.now();
  const words = ['--root', join(fleet.folder, 'server'), 'import', list];
  const done = spawnSync(join(fleet.bin, 'banshare-server'), words, { encoding: 'utf8' });
  const seconds = (performance.now() - began) / 1000;
  if (!done.stdout.startsWith(`${BANS} of ${BANS} are banned`))
    throw new Fault(`import failed: ${done.stdout}${done.stderr}`);
  const raw = `${show(seconds, 's')} : ${show(bare, 's')}`;
  return [
    { name: `import of ${BANS} addresses`, value: seconds, unit: 's', bound: 'most', goal: 5, raw },
    { name: 'import : rows into SQLite', value: seconds / bare, unit: '×', bound: 'most', goal: 20, raw },
  ];
}

/** A list of 100,000 addresses to import, from the n-th on; returns them. */
export function writeList(path: string, first: number): string[] {
  const addresses = Array.from({ length: BANS }, (_, n) => address(first + n));
  writeFileSync(path, `address,duration\n${addresses.map((ip) => `${ip},-1\n`).join('')}`);
  return addresses;
}

/** Seconds for a row each, with the same durability and as many in a transaction. */
function insertAll(path: string, addresses: readonly string[]): number {
  const database = new DatabaseSync(path);
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bans (ip TEXT PRIMARY KEY)',
  );
  const insert = database.prepare('INSERT INTO bans VALUES (?)');
  const began = performance.now();
  for (let first = 0; first < addresses.length; first += AT_ONCE) {
    database.exec('BEGIN');
    for (const ip of addresses.slice(first, first + AT_ONCE)) insert.run(ip);
    database.exec('COMMIT');
  }
  const seconds = (performance.now() - began) / 1000;
  database.close();
  return seconds;
}

/** One of 2001:db8::/32, each in a /64 of its own. */
function address(n: number): string {
  return `2001:db8:${(1 + (n >> 15)).toString(16)}:${(1 + (n & 32_767)).toString(16)}::1`;
}
