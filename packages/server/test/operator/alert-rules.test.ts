import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { KINDS } from '../../src/operator/attention/kinds.ts';

const RULES = join(import.meta.dirname, '../../../../installers/monitoring/banshare.rules.yml');
const skip = spawnSync('promtool', ['--version']).error === undefined ? false : 'needs promtool';
const folder = mkdtempSync(join(tmpdir(), 'banshare-rules-'));
after(() => rmSync(folder, { recursive: true, force: true }));

type Series = { series: string; values: string };

const UP: Series = { series: 'banshare_up{program="banshare-server",instance="s"}', values: '1x60' };

function attention(level: string, kind: string, values: string): Series {
  return { series: `banshare_attention{level="${level}",kind="${kind}",instance="s"}`, values };
}

/** The alarm for a kind of what is urgent: cannot-commit is BanshareCannotCommit. */
function alertOf(kind: string): string {
  return `Banshare${kind
    .split('-')
    .map((word) => word[0]?.toUpperCase() + word.slice(1))
    .join('')}`;
}

/** A case of promtool: which alarms these series raise, at a time in minutes. */
function raises(input_series: Series[], minutes: number, alerts: readonly string[]): object {
  const exp_samples = alerts.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 }));
  const expr = 'count by (alertname) (ALERTS{alertstate="firing"})';
  return {
    interval: '1m',
    input_series,
    promql_expr_test: [{ expr, eval_time: `${minutes}m`, exp_samples }],
  };
}

function promtool(tests: readonly object[]): void {
  const file = join(folder, 'cases.json');
  writeFileSync(file, JSON.stringify({ rule_files: [RULES], evaluation_interval: '1m', tests }));
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}

test('promtool finds no fault in the alert rules', { skip }, () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});

test(
  'each kind of what status calls urgent raises an alarm of its own within minutes, and none once it is over',
  { skip },
  () => {
    promtool(
      KINDS.urgent.flatMap((kind) => [
        raises([UP, attention('urgent', kind, '0 1x60')], 4, [alertOf(kind)]),
        raises([UP, attention('urgent', kind, '0 1x20 0x60')], 30, []),
      ]),
    );
  },
);

test('whatever is to do raises an alarm of that level once it has stood for ten minutes', { skip }, () => {
  promtool(
    KINDS['to-do'].flatMap((kind) => [
      raises([UP, attention('to-do', kind, '0 1x60')], 10, []),
      raises([UP, attention('to-do', kind, '0 1x60')], 12, [
        kind.startsWith('backup-') ? 'BanshareBackupTooOld' : 'BanshareToDo',
      ]),
    ]),
  );
});

test(
  'a server that is down or gone, a full spool, slow reports, what is not lifted and old files raise alarms',
  { skip },
  () => {
    const bucket = (le: string, values: string): Series => ({
      series: `banshare_report_seconds_bucket{le="${le}",instance="s"}`,
      values,
    });
    promtool([
      raises([{ series: 'up{job="banshare-server",instance="s"}', values: '0x60' }, UP], 3, [
        'BanshareServerDown',
      ]),
      raises([{ ...UP, values: '0x60' }], 3, ['BanshareServerDown']),
      raises([{ series: 'up{job="node"}', values: '1x60' }], 6, ['BanshareServerGone']),
      raises([UP, { series: 'banshare_spool_reports{host="h"}', values: '3x60' }], 40, [
        'BanshareSpoolWaits',
      ]),
      raises([UP, { series: 'banshare_spool_reports{host="h"}', values: '3x10 0 3x60' }], 40, []),
      raises([UP, { series: 'banshare_client_bans_unlifted', values: '2x60' }], 11, [
        'BanshareBansNotLifted',
      ]),
      raises([UP, bucket('1.0', '0+90x60'), bucket('+Inf', '0+100x60'), bucket('5.0', '0+100x60')], 40, [
        'BanshareReportsSlow',
      ]),
      raises([UP, bucket('1.0', '0+100x60'), bucket('+Inf', '0+100x60')], 40, []),
      raises([UP, { series: 'up{job="banshare-client",instance="h"}', values: '0x60' }], 11, [
        'BanshareClientDown',
      ]),
      raises(
        [UP, { series: 'node_textfile_mtime_seconds{file="/d/banshare-server.prom"}', values: '0x60' }],
        11,
        ['BanshareFiguresOld'],
      ),
    ]);
  },
);

test(
  'the alarm for backups says of which server, and how old the last good one is, or that none is known',
  { skip },
  () => {
    const old = (values: string): Series => ({
      series: 'banshare_last_backup_timestamp_seconds{instance="s"}',
      values,
    });
    const says = (series: Series[], kind: string, age: string): object => ({
      interval: '1m',
      input_series: [UP, ...series, attention('to-do', kind, '0 1x60')],
      alert_rule_test: [
        {
          eval_time: '20m',
          alertname: 'BanshareBackupTooOld',
          exp_alerts: [
            {
              exp_labels: { level: 'to-do', instance: 's', kind },
              exp_annotations: {
                summary: `The last good backup of s is ${age}`,
                description:
                  'The daily one failed (kind backup-failed), or there was none for two days (backup-late). banshare-server status there says which and why; banshare-server backup makes one now',
              },
            },
          ],
        },
      ],
    });
    // Two days before the 20 minutes that the clock of promtool has by then.
    promtool([
      says([old(`${20 * 60 - 2 * 86_400}x60`)], 'backup-late', '2d 0h 0m 0s old'),
      says([], 'backup-late', 'unknown'),
      says([old(`${20 * 60 - 7200}x60`)], 'backup-failed', '2h 0m 0s old'),
    ]);
  },
);

test('each alarm has a level, and says what to do in words and with a command', () => {
  const rules = readFileSync(RULES, 'utf8').split('- alert: ').slice(1);
  assert.equal(rules.length, KINDS.urgent.length + 9);
  for (const rule of rules) {
    assert.match(rule, /labels: \{ level: (urgent|to-do) \}/, rule);
    assert.match(rule, /summary: .+\n +description: .+/, rule);
  }
});
