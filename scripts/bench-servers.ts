// Servers that share one ledger in PostgreSQL beside one that has it in SQLite, in the same run; where there is no PostgreSQL they are left
// out with a word. All programs are the real ones. Figures go to test/bench/results-servers.json.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { postgresSkip } from '../test/fleet/database/postgres.ts';
import { isMet, machine, table, type Figure } from './bench/figures.ts';
import { BenchFleet } from './bench/load/fleet.ts';
import { measureServers } from './bench/servers.ts';
import { orExit, ROOT } from './say.ts';

const PATIENCE_MS = 240_000;

await orExit(async () => {
  const skip = postgresSkip();
  if (skip !== false) {
    console.log(`Left out: several servers on one ledger, since ${skip}`);
    return;
  }
  const fleet = new BenchFleet();
  const giveUp = (): void => {
    void fleet.remove().then(() => process.exit(130));
  };
  process.on('SIGINT', giveUp);
  process.on('SIGTERM', giveUp);
  const timer = setTimeout(giveUp, PATIENCE_MS);
  const say = (what: string): void => console.log(`Measuring: ${what}`);
  const [load = 0] = loadavg();
  try {
    say('servers on one ledger: building the programs');
    await fleet.build();
    keep(await measureServers(fleet, say), load);
  } finally {
    clearTimeout(timer);
    await fleet.remove();
  }
});

function keep(figures: readonly Figure[], load: number): void {
  console.log(`\n${table(figures)}\n`);
  const folder = join(ROOT, 'test/bench');
  mkdirSync(folder, { recursive: true });
  const results = { at: new Date().toISOString(), machine: machine(), load, figures };
  writeFileSync(join(folder, 'results-servers.json'), `${JSON.stringify(results, null, 2)}\n`);
  if (load > availableParallelism() / 2)
    console.log(`The machine was busy with other things when this began (load ${load.toFixed(1)})`);
  const met = figures.filter(isMet).length;
  console.log(`${met} of ${figures.length} figures meet their goal; kept in test/bench/results-servers.json`);
}
