// banshare beside the field: how others do the same, in the same run, on hosts of the lab. Needs root. What is missing comes
// from Debian, or is left out with a word. Figures go to test/bench/results-field.json.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { isMet, machine, table } from './bench/figures.ts';
import { measureField, type Field } from './bench/field.ts';
import { waysTable } from './bench/field/ways.ts';
import { orExit, ROOT } from './say.ts';

/** A quiet machine takes half of it; hosts of the lab end with this process, in whatever way it ends. */
const PATIENCE_MS = 290_000;

await orExit(async () => {
  const timer = setTimeout(() => {
    console.error(`Cannot measure the field within ${PATIENCE_MS / 1000} s; is the machine busy?`);
    process.exit(1);
  }, PATIENCE_MS);
  const began = performance.now();
  const [load = 0] = loadavg();
  keep(await measureField((what) => console.log(`Measuring: ${what}`)), {
    tookMs: performance.now() - began,
    load,
  });
  clearTimeout(timer);
});

function keep(field: Field, { tookMs, load }: { tookMs: number; load: number }): void {
  const { ways, figures, skipped } = field;
  if (ways.length > 0) console.log(`\n${waysTable(ways)}\n\n${table(figures)}\n`);
  for (const why of skipped) console.log(`Left out: ${why}`);
  if (ways.length === 0) return;
  const versions = { fail2ban: installed('fail2ban'), nftables: installed('nftables'), ...field.versions };
  console.log(
    `Beside ${Object.entries(versions)
      .map((each) => each.join(' '))
      .join(', ')}`,
  );
  const folder = join(ROOT, 'test/bench');
  mkdirSync(folder, { recursive: true });
  const results = {
    at: new Date().toISOString(),
    machine: machine(),
    load,
    versions,
    tookMs,
    ways,
    figures,
    skipped,
  };
  writeFileSync(join(folder, 'results-field.json'), `${JSON.stringify(results, null, 2)}\n`);
  if (load > availableParallelism() / 2)
    console.log(`The machine was busy with other things when this began (load ${load.toFixed(1)})`);
  const met = figures.filter(isMet).length;
  console.log(`${met} of ${figures.length} figures meet their goal; kept in test/bench/results-field.json`);
}

/** The version of a Debian package; elsewhere there is none to tell. */
function installed(name: string): string {
  const done = spawnSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' });
  return done.status === 0 ? done.stdout : 'of unknown version';
}
