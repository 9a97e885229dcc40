import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipUnless } from '../chaos/surroundings.ts';
import { ackOf, Folder, startFleet, takePort, untilAnswered } from '../fleet/index.ts';

const MONITORING = join(import.meta.dirname, '../../installers/monitoring');
const LISTENING = '\n[metrics]\nlisten = "127.0.0.1:0"\n';

type Panel = { title: string; targets?: { expr: string }[] };
type Dashboard = {
  panels: Panel[];
  templating: { list: { definition?: string }[] };
  annotations: { list: { expr: string }[] };
};

type Answer = { status: string; data: { result: unknown[]; groups: { rules: Rule[] }[] } };
type Rule = { name: string; health: string; lastError?: string };

/** Every query of the dashboard, as Grafana would ask it. */
function queriesOf({ panels, templating, annotations }: Dashboard): Map<string, string> {
  const ofPanels = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }, index) => [`${title} ${index}`, expr] as const),
  );
  const [ofHost = ''] = templating.list.flatMap(({ definition }) => definition ?? []);
  const [, metric = ''] = /^label_values\((\w+), host\)$/.exec(ofHost) ?? [];
  const ofNotes = annotations.list.map(({ expr }) => ['annotation', expr] as const);
  return new Map(
    [...ofPanels, ['variable', metric] as const, ...ofNotes].map(([name, expr]) => [
      name,
      expr.replaceAll('$__rate_interval', '20s').replaceAll('$host', '.*'),
    ]),
  );
}

test(
  'a real Prometheus that scrapes a real server and host answers every query of the dashboard, and takes every alert rule',
  { skip: skipUnless('prometheus') },
  async () => {
    await using fleet = await startFleet({ serverToml: LISTENING, clientToml: LISTENING, hosts: ['h1'] });
    using folder = new Folder();
    const at = (line: string): string => /http:\/\/([\d.:]+)\/metrics/.exec(line)?.[1] ?? '';
    const targets = {
      'banshare-server': at(await fleet.server.line(/Serves metrics/)),
      'banshare-client': at(await fleet.host('h1').line(/Serves metrics/)),
    };
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [join(MONITORING, 'banshare.rules.yml')],
      scrape_configs: Object.entries(targets).map(([job_name, target]) => ({
        job_name,
        static_configs: [{ targets: [target] }],
      })),
    };
    writeFileSync(join(folder.path, 'prometheus.yml'), JSON.stringify(config));
    const port = takePort();
    const prometheus = spawn(
      'prometheus',
      [
        `--config.file=${join(folder.path, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder.path, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    const ask = async (path: string): Promise<Answer | undefined> => {
      try {
        return (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as Answer;
      } catch {
        return undefined;
      }
    };
    const query = (expr: string): Promise<Answer | undefined> =>
      ask(`query?query=${encodeURIComponent(expr)}`);
    try {
      // What a series begins with shows in no rate: it has to be there before, and once more after.
      const scraped = async (metric: string, atLeast: number): Promise<void> => {
        const counts = async (): Promise<true | undefined> => {
          const answer = await query(`min(count_over_time(${metric}[1m])) >= ${atLeast}`);
          return answer !== undefined && answer.data.result.length > 0 ? true : undefined;
        };
        await untilAnswered(counts, 60_000, () => `Prometheus, with ${metric}`);
      };
      await scraped('up', 1);
      assert.equal((await fleet.server.command('drill')).code, 0);
      // A host with sets of its own would count, which takes root here.
      const peer = await fleet.peer('h2');
      const { epoch, head: applied } = await fleet.server.json<{ epoch: string; head: number }>('status');
      const now = Date.now() / 1000;
      const sums = { since: now - 60, ago: 1, every: 60, v4: 5, v6: 1, found: 5, addresses: 2, before: 2 };
      const dropped = { ...sums, partly: false, top: [] };
      await peer.ask(ackOf({ epoch, applied, dropped }));
      await fleet.addReporter('h3');
      assert.equal((await fleet.report('h3', ['fail2ban', 'sshd', '203.0.113.9'])).code, 0);
      await scraped('banshare_dropped_packets_total', 2);
      await scraped('banshare_drill_limit_seconds', 2);
      const dashboard = JSON.parse(readFileSync(join(MONITORING, 'grafana.json'), 'utf8')) as Dashboard;
      for (const [name, expr] of queriesOf(dashboard)) {
        const answer = await query(expr);
        assert.equal(answer?.status, 'success', `${name}: ${expr}: ${JSON.stringify(answer)}`);
        // Nothing urgent began just now.
        if (name !== 'annotation') assert.ok(answer.data.result.length > 0, `${name} finds nothing: ${expr}`);
      }
      const rules = (await ask('rules'))?.data.groups.flatMap((group) => group.rules) ?? [];
      assert.equal(
        rules.length,
        readFileSync(config.rule_files[0] ?? '', 'utf8').split('- alert: ').length - 1,
      );
      for (const { name, health, lastError } of rules)
        assert.equal(health, 'ok', `${name}: ${lastError ?? ''}`);
    } finally {
      prometheus.kill();
    }
  },
);
