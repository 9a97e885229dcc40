// The benchmarks: each figure beside a reference that is measured in the same run, since machines differ. All programs are
// the real ones, of a generation that is built for the bench and removed after it. Figures go to test/bench/results.json.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildBare } from './bench/bare.ts';
import { isMet, machine, table, type Figure } from './bench/figures.ts';
import { measureGroupCommit, measureManyBans } from './bench/durability.ts';
import { measureImport } from './bench/import.ts';
import { BenchFleet } from './bench/load/fleet.ts';
import { Commands, measureLatency } from './bench/latency.ts';
import { measureFanOut } from './bench/fan-out.ts';
import { measureIdleMemory, measureSubscribers } from './bench/memory.ts';
import { measureManyReports } from './bench/many-reports.ts';
import { measureReportMemory, measureReportTime } from './bench/report-time.ts';
import { measureSizes } from './bench/size.ts';
import { measureThroughput } from './bench/throughput.ts';
import { measureWatched } from './bench/watched.ts';
import { measureWorstQueries } from './bench/worst-queries.ts';
import { orExit, ROOT } from './say.ts';

const PATIENCE_MS = 600_000;

await orExit(async () => {
  const fleet = new BenchFleet();
  const giveUp = (): void => {
    void fleet.remove().then(() => process.exit(130));
  };
  process.on('SIGINT', giveUp);
  process.on('SIGTERM', giveUp);
  const timer = setTimeout(giveUp, PATIENCE_MS);
  try {
    keep(await measure(fleet));
  } finally {
    clearTimeout(timer);
    await fleet.remove();
  }
});

async function measure(fleet: BenchFleet): Promise<Figure[]> {
  say('building the programs and their installers');
  await fleet.build();
  const figures = measureSizes(fleet);
  const bare = await buildBare(fleet.library);
  await fleet.startServer();
  const reporter = await fleet.enrolReporter('reporter');

  const commands = new Commands(fleet.folder);
  const toml = `[apply]\ncommand = "${commands.words.join(' ')} SRCIP"\n`;
  for (const name of ['h1', 'h2', 'h3']) await fleet.startEnrolled(name, toml);
  figures.push(...measureIdleMemory(fleet));
  await fleet.stopClients();

  say('one report as a process');
  figures.push(...measureReportTime(fleet, reporter, bare('request')), measureReportMemory(fleet, reporter));

  await fleet.startClients();
  say('reports to commands');
  figures.push(...(await measureLatency(fleet, reporter, commands, bare)));
  commands.close();
  await fleet.stopClients();

  say('a thousand subscribers');
  figures.push(await measureSubscribers(fleet, reporter.key));
  say('from the first to the last of thousands of subscribers');
  figures.push(...(await measureFanOut(fleet, reporter)));
  say('a hundred senders');
  const throughput = await measureThroughput(fleet, reporter, bare('echo'));
  figures.push(...throughput);
  say('ten thousand reports of one host');
  figures.push(...measureManyReports(fleet, reporter, throughput[0]?.value ?? NaN));
  say('reports while somebody looks');
  figures.push(...(await measureWatched(fleet, reporter)));
  say('the worst that a ledger may hold');
  figures.push(...(await measureWorstQueries(fleet.folder)));
  say('a hundred thousand bans');
  await fleet.startAfresh();
  figures.push(await measureGroupCommit(fleet), ...measureImport(fleet), ...(await measureManyBans(fleet)));
  return figures;
}

function keep(figures: readonly Figure[]): void {
  console.log(`\n${table(figures)}\n`);
  const folder = join(ROOT, 'test/bench');
  mkdirSync(folder, { recursive: true });
  const results = { at: new Date().toISOString(), machine: machine(), figures };
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  const missed = figures.filter((figure) => !isMet(figure)).length;
  // No failure: on a machine that is busy with other things some will.
  console.log(
    `${figures.length - missed} of ${figures.length} figures meet their goal; kept in test/bench/results.json`,
  );
}

function say(what: string): void {
  console.log(`Measuring: ${what}`);
}
