import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Versions } from './machine.ts';

const FILE = join(import.meta.dirname, 'tried.json');

/** A system on which all of the trial went well, and when. */
export type Tried = Versions & { system: string; on: string };

/** Notes a system that `make systems` tried; the table of installers/README.md is made of these notes by `make reference`. */
export function noteTried(row: Tried): void {
  const rows = [...readTried().filter(({ system }) => system !== row.system), row];
  writeFileSync(FILE, `${JSON.stringify(rows, null, 2)}\n`);
}

function readTried(): Tried[] {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Tried[];
}
