import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { State, STATE_FILE } from '../../src/bans/state.ts';
import { folder, ip, jail, NOW, prog, range, rowOf, type RowFields } from '../make.ts';

const position = { epoch: 'e1', seq: 7, tail: '0123456789abcdef' };

test('State keeps rows as they were put, and the position, over a restart', () => {
  using scratch = folder();
  const first = new State(scratch.path);
  assert.equal(first.position(), undefined);
  const rows = [
    rowOf({ seq: 1, until: null, isOurs: true, status: 'applied' }),
    rowOf({ seq: 2, ip: ip('2001:db8::1'), port: 'http,https', protocol: 'tcp', at: NOW + 0.25 }),
    rowOf({
      seq: 3,
      jail: jail('nginx'),
      localJail: jail('banshare'),
      status: 'failed',
      reason: 'exit 1;\n"',
    }),
  ];
  first.advance(position, () => rows.forEach((row) => first.put(row, NOW)));
  first.close();
  const second = new State(scratch.path);
  assert.deepEqual(second.all(), rows);
  assert.deepEqual(second.position(), position);
  assert.deepEqual(second.counts(), { applied: 1, failed: 1, pending: 1 });
  second.close();
});

test('advance() changes neither bans nor position when its change fails', () => {
  using scratch = folder();
  const state = new State(scratch.path);
  state.advance(position, () => state.put(rowOf(), NOW));
  assert.throws(
    () =>
      state.advance({ ...position, seq: 8 }, () => {
        state.remove(rowOf());
        throw new Error('in the middle');
      }),
    /in the middle/,
  );
  assert.deepEqual(state.position(), position);
  assert.equal(state.all().length, 1);
  state.close();
});

test('Killed at any moment, bans and position are those of the same transaction, and none that was told is gone', async () => {
  using scratch = folder();
  for (let round = 1; round <= 5; round += 1) {
    const writer = spawn(
      process.execPath,
      [join(import.meta.dirname, '../fixtures/writer.ts'), scratch.path],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let said = '';
    writer.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      if (said.length > 200 * round) writer.kill('SIGKILL');
    });
    await once(writer, 'close');
    const state = new State(scratch.path);
    const seq = state.position()?.seq ?? 0;
    assert.deepEqual(
      state.all().map((row) => row.seq),
      [seq, seq, seq],
    );
    assert.ok(seq >= Number(said.split('\n').at(-2)));
    state.close();
  }
});

test('The file of a newer program is refused by name and version, and stays as it is', () => {
  using scratch = folder();
  new State(scratch.path).close();
  const path = join(scratch.path, 'state.db');
  const newer = new DatabaseSync(path);
  newer.exec('PRAGMA user_version = 99');
  newer.close();
  assert.throws(
    () => new State(scratch.path),
    /Cannot use the state ".*state\.db": it has version 99, .*newer banshare-client/,
  );
  const after = new DatabaseSync(path);
  assert.equal(after.prepare('PRAGMA user_version').get()?.['user_version'], 99);
  after.close();
});

test('The state is for its user only', () => {
  using scratch = folder();
  const directory = join(scratch.path, 'var/lib/banshare/client');
  mkdirSync(join(scratch.path, 'var'), { mode: 0o755 });
  const state = new State(directory);
  state.put(rowOf(), NOW);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  for (const name of ['state.db', 'state.db-wal'])
    assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
  state.close();
});

test('over() gives what has ended and is not being lifted, longest ago first, and never a ban for ever', () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const put = (last: number, fields: Parameters<typeof rowOf>[0]): void =>
    state.put(rowOf({ ip: ip(`203.0.113.${last}`), seq: last, ...fields }), NOW);
  put(1, { until: NOW, status: 'applied' });
  put(2, { until: NOW - 5, status: 'skipped' });
  put(3, { until: NOW + 1, status: 'applied' });
  put(4, { until: null, status: 'applied' });
  put(5, { until: NOW - 9, status: 'lifting' });
  put(6, { until: NOW - 2, status: 'pending' });
  assert.deepEqual(
    state.over(NOW, 10).map(({ seq }) => seq),
    [2, 6, 1],
  );
  assert.equal(state.over(NOW, 2).length, 2);
  state.close();
});

test('longestInPlace() gives one ban of each prog, jail and local jail, one for ever before all others', () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const rows: RowFields[] = [
    { ip: ip('203.0.113.1'), until: NOW + 9 },
    { ip: ip('203.0.113.2'), until: null },
    { ip: ip('203.0.113.3'), until: NOW + 99 },
    { ip: ip('203.0.113.4'), until: NOW + 9, localJail: jail('banshare') },
    { ip: ip('203.0.113.5'), until: NOW + 99, localJail: jail('banshare') },
    { ip: ip('203.0.113.6'), until: null, localJail: jail('banshare'), status: 'skipped' },
    { ip: range('198.51.100.0/24'), until: null, localJail: jail('banshare') },
  ];
  for (const row of rows) state.put(rowOf({ status: 'applied', ...row }), NOW);
  assert.deepEqual(
    state
      .longestInPlace()
      .map((row) => row.ip)
      .toSorted(),
    ['198.51.100.0/24', '203.0.113.2', '203.0.113.5'],
  );
  state.close();
});

test('sharing() gives the other bans of the same address in the same local jail', () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const mine = rowOf({ localJail: jail('ssh') });
  state.put(mine, NOW);
  state.put(rowOf({ prog: prog('psad'), localJail: jail('ssh') }), NOW);
  state.put(rowOf({ jail: jail('sshd-ddos'), localJail: jail('ssh') }), NOW);
  state.put(rowOf({ jail: jail('nginx'), localJail: jail('nginx') }), NOW);
  state.put(rowOf({ ip: ip('203.0.113.10'), localJail: jail('ssh') }), NOW);
  assert.deepEqual(
    state
      .sharing(mine)
      .map((row) => `${row.prog}/${row.jail}`)
      .sort(),
    ['fail2ban/sshd-ddos', 'psad/sshd'],
  );
  state.close();
});

test('oldestUnsettled() is the first that is still to be done', () => {
  using scratch = folder();
  const state = new State(scratch.path);
  assert.equal(state.oldestUnsettled(), undefined);
  state.put(rowOf({ seq: 4, ip: ip('203.0.113.4'), status: 'applied' }), NOW);
  assert.equal(state.oldestUnsettled(), undefined);
  state.put(rowOf({ seq: 9, ip: ip('203.0.113.5') }), NOW);
  state.put(rowOf({ seq: 6, ip: ip('203.0.113.6'), status: 'lifting' }), NOW);
  assert.equal(state.oldestUnsettled(), 6);
  state.close();
});

test('What waits longest, which each acknowledgement asks for, is the first entry of an index of what waits, however much that is', () => {
  using scratch = folder();
  new State(scratch.path).close();
  const source = readFileSync(new URL('../../src/bans/state.ts', import.meta.url), 'utf8');
  const statement = /"(SELECT min\(seq\)[^"]*)"/.exec(source)?.[1] ?? '';
  using database = new DatabaseSync(join(scratch.path, STATE_FILE));
  const steps = database.prepare(`EXPLAIN QUERY PLAN ${statement}`).all();
  assert.deepEqual(
    steps.map(({ detail }) => detail),
    // In the order of seq, so that SQLite ends after the first; by the status it read all that waited, at each acknowledgement.
    ['SEARCH bans USING INDEX bans_unsettled (seq>?)'],
  );
});
