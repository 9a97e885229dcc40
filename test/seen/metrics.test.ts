import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { askAdmin } from '@banshare/runtime';
import { skipUnless } from '../chaos/surroundings.ts';
import { ackOf, Folder, startFleet, takePort, untilAnswered, type Fleet } from '../fleet/index.ts';

// One fleet for all: each test reads what the ones before it did.
let fleet: Fleet;
before(async () => {
  fleet = await startFleet({ hosts: ['h1', 'h2'] });
});
after(() => fleet[Symbol.asyncDispose]());

/** The series of a text, by name and labels as they stand there. */
function seriesIn(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))] as const;
    }),
  );
}

/** What the daemon tells, of which the command makes the text. */
type Measures = {
  eachHost: { host: string; lagEvents: number; wanted: number | null; isPaused: boolean | null }[];
  appliedSeconds: { count: number };
};

/** The series, once the daemon tells what a test waits for. */
async function metricsOnce(isThere: (measures: Measures) => boolean): Promise<Map<string, number>> {
  const ask = async (): Promise<true | undefined> => {
    const reply = await askAdmin(fleet.server.paths.serverSocket, { command: 'metrics' }, 10_000);
    return reply.ok && isThere(reply.result as Measures) ? true : undefined;
  };
  await untilAnswered(ask, 20_000, () => 'the figures of the server');
  return seriesIn(await fleet.server.says('metrics'));
}

test('banshare-server metrics counts reports by verdict, bans by family, and what each host has', async () => {
  for (const words of [
    ['fail2ban', 'sshd', '203.0.113.9'],
    ['fail2ban', 'sshd', '203.0.113.9'],
    ['fail2ban', 'sshd', '2001:db9::9'],
    ['fail2ban', 'sshd', '10.0.0.1'],
  ])
    await fleet.report('h1', words);
  const series = await metricsOnce(
    ({ eachHost, appliedSeconds }) =>
      eachHost.some(({ host, lagEvents, wanted }) => host === 'h2' && lagEvents === 0 && wanted === 2) &&
      appliedSeconds.count >= 2,
  );
  const expected: Record<string, number> = {
    'banshare_up{program="banshare-server"}': 1,
    'banshare_bans_active{family="ipv4"}': 1,
    'banshare_bans_active{family="ipv6"}': 1,
    'banshare_reports_total{verdict="accepted",prog="fail2ban"}': 2,
    'banshare_reports_total{verdict="held",prog="psad"}': 0,
    'banshare_events_total{kind="ban"}': 2,
    'banshare_host_in_place{host="h2"}': 2,
    banshare_held: 0,
    banshare_pending_hosts: 0,
    banshare_hosts: 2,
    banshare_can_commit: 1,
    banshare_can_publish: 1,
    banshare_stale: 0,
    'banshare_attention{level="urgent",kind="cannot-commit"}': 0,
    'banshare_series_left_out{label="host"}': 0,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(series.get(name), value, name);
  const inTime = series.get('banshare_report_seconds_bucket{le="60.0"}') ?? 0;
  assert.equal(inTime, series.get('banshare_report_seconds_count'));
  const contact = series.get('banshare_host_last_contact_timestamp_seconds{host="h1"}') ?? 0;
  assert.ok(Math.abs(Date.now() / 1000 - contact) < 60, String(contact));
  assert.ok((series.get('banshare_ledger_bytes') ?? 0) > 4096);
  // Unknown is not 0: nothing of what only several servers have.
  assert.ok(!series.has('banshare_log_connected'));
});

test('a host that says how many reports wait there has a series of it, and an older one has none', async () => {
  const { epoch, head: applied } = await fleet.server.json<{ epoch: string; head: number }>('status');
  for (const [name, told] of [
    ['h3', { spool: 3 }],
    ['h4', {}],
  ] as const)
    await (await fleet.peer(name)).ask(ackOf({ epoch, applied, ...told }));
  const series = await metricsOnce(({ eachHost }) => eachHost.length === 4);
  assert.equal(series.get('banshare_spool_reports{host="h1"}'), 0);
  assert.equal(series.get('banshare_spool_reports{host="h3"}'), 3);
  assert.equal(series.get('banshare_host_lag_events{host="h4"}'), 0);
  for (const unknown of ['banshare_spool_reports', 'banshare_host_wanted', 'banshare_host_paused'])
    assert.ok(!series.has(`${unknown}{host="h4"}`), unknown);
});

test('what a person has to know is counted by level and kind, as status says it', async () => {
  await fleet.server.says('freeze');
  await fleet.host('h2').command('pause');
  const series = await metricsOnce(({ eachHost }) => eachHost.some(({ isPaused }) => isPaused === true));
  assert.equal(series.get('banshare_attention{level="to-do",kind="paused"}'), 1);
  assert.equal(series.get('banshare_attention{level="to-do",kind="frozen"}'), 1);
  assert.equal(series.get('banshare_frozen'), 1);
  assert.equal(series.get('banshare_host_paused{host="h2"}'), 1);
});

test('banshare-client metrics tells what is in place on a host, its server, its spool and how long bans took', async () => {
  const { code, stdout, stderr } = await fleet.host('h1').command('metrics');
  assert.equal(code, 0, stderr);
  const series = seriesIn(stdout);
  const expected: Record<string, number> = {
    'banshare_up{program="banshare-client"}': 1,
    'banshare_client_server_info{server="127.0.0.1"}': 1,
    banshare_client_in_step: 1,
    banshare_client_paused: 0,
    // Its own reports its own fail2ban has.
    banshare_client_bans_wanted: 0,
    banshare_client_bans_in_place: 0,
    banshare_client_spool_reports: 0,
    banshare_client_spool_dead: 0,
    'banshare_client_outcomes_total{outcome="failed"}': 0,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(series.get(name), value, name);
  const contact = series.get('banshare_client_last_contact_timestamp_seconds') ?? 0;
  assert.ok(Math.abs(Date.now() / 1000 - contact) < 60, String(contact));
  const paused = seriesIn((await fleet.host('h2').command('metrics')).stdout);
  assert.equal(paused.get('banshare_client_paused'), 1);
  assert.equal(paused.get('banshare_client_outcomes_total{outcome="applied"}'), 2);
  assert.equal(paused.get('banshare_client_lifts_total'), 2);
  assert.equal(paused.get('banshare_client_applied_seconds_count'), 2);
});

test(
  'promtool finds no fault in what server and client print',
  { skip: skipUnless('promtool') },
  async () => {
    for (const input of [
      await fleet.server.says('metrics'),
      (await fleet.host('h1').command('metrics')).stdout,
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
        input,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout + stderr);
    }
  },
);

test('with --openmetrics both print that form, and its end', async () => {
  for (const text of [
    await fleet.server.says('metrics', '--openmetrics'),
    (await fleet.host('h1').command('metrics', '--openmetrics')).stdout,
  ]) {
    assert.match(text, /^# TYPE banshare_build info\nbanshare_build_info\{program="banshare-\w+",version=/m);
    assert.match(text, /\n# EOF\n$/);
  }
});

test(
  'a real node_exporter serves what both wrote into one folder, and is told of a client that does not run',
  { skip: skipUnless('prometheus-node-exporter') },
  async () => {
    using folder = new Folder();
    chmodSync(folder.path, 0o755);
    const host = fleet.host('h1');
    const [ofServer, ofClient] = [join(folder.path, 'server.prom'), join(folder.path, 'client.prom')];
    await fleet.server.says('metrics', '--file', ofServer);
    assert.equal((await host.command('metrics', '--file', ofClient)).code, 0);
    assert.equal(statSync(ofServer).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(folder.path).toSorted(), ['client.prom', 'server.prom']);
    const port = takePort();
    const exporter = spawn('prometheus-node-exporter', [
      `--web.listen-address=127.0.0.1:${port}`,
      '--collector.disable-defaults',
      '--collector.textfile',
      `--collector.textfile.directory=${folder.path}`,
    ]);
    try {
      const read = (): Promise<string | undefined> =>
        fetch(`http://127.0.0.1:${port}/metrics`).then(
          (answer) => answer.text(),
          () => undefined,
        );
      const served = seriesIn(await untilAnswered(read, 20_000, () => 'node_exporter'));
      assert.equal(served.get('node_textfile_scrape_error'), 0);
      assert.equal(served.get('banshare_hosts'), 4);
      assert.equal(served.get('banshare_client_in_step'), 1);
      for (const program of ['banshare-server', 'banshare-client'])
        assert.equal(served.get(`banshare_up{program="${program}"}`), 1);
      await host.stop();
      assert.equal((await host.command('metrics', '--file', ofClient)).code, 0);
      const after = seriesIn((await read()) ?? '');
      assert.equal(after.get('banshare_up{program="banshare-client"}'), 0);
      assert.equal(after.get('banshare_client_in_step'), undefined);
      assert.equal(after.get('banshare_up{program="banshare-server"}'), 1);
    } finally {
      exporter.kill();
    }
  },
);
