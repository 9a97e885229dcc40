import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Hono } from 'hono';
import type { Behind } from '../../src/web/door/guard.ts';
import { addExports } from '../../src/web/exports.ts';
import { PAGE_TOML, startFleet, startPage } from '../../../../test/fleet/index.ts';
import { writeMmdb } from '../enrich/write-mmdb.ts';
import { publish, reportOf } from '../reports.ts';

const folder = mkdtempSync(join(tmpdir(), 'banshare-page-'));
const mmdb = join(folder, 'mmdb');
writeMmdb(mmdb, {
  '203.0.113.0/24': {
    country: { iso_code: 'DE' },
    autonomous_system_number: 64496,
    autonomous_system_organization: 'A <b>net</b>',
  },
});
after(() => rmSync(folder, { recursive: true }));
const fleet = await startFleet({
  serverToml: `${PAGE_TOML}[enrich]\nmmdb = ${JSON.stringify(mmdb)}\n`,
  hosts: ['h1'],
});
after(() => fleet[Symbol.asyncDispose]());
const page = await startPage(fleet.server);
after(() => page[Symbol.asyncDispose]());
const cookie = await page.enter('anna');
const peer = await fleet.peer('p1');

/** A page without its layout's white space, as a person reads it. */
async function read(path: string): Promise<{ status: number; raw: string; text: string }> {
  const answer = await page.get(path, cookie);
  const raw = await answer.text();
  const [, main = ''] = /<main[^>]*>([^]*)<\/main>/.exec(raw) ?? [];
  const text = main.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
  return { status: answer.status, raw, text };
}

/** The same, once it is as expected: the page follows the server, and sends browsers what has moved. */
async function readUntil(path: string, pattern: RegExp): Promise<Awaited<ReturnType<typeof read>>> {
  const following = new AbortController();
  const live = await fetch(`${page.address}/live?view=${encodeURIComponent(path)}`, {
    headers: { cookie },
    signal: following.signal,
  });
  try {
    for await (const _ of live.body ?? []) {
      const found = await read(path);
      if (pattern.test(found.text)) return found;
    }
  } finally {
    following.abort();
  }
  return assert.fail(`${path} never had ${pattern}`);
}

test('one address has country and network, who reported it with the evidence as text, the times of each ban, who stands behind it, and its neighbours', async () => {
  const reported = reportOf(peer, '203.0.113.1');
  assert.ok(reported.kind === 'report');
  const evidence = 'Failed password for <script>alert(1)</script> & "x"\n\u001b[2J';
  await peer.ask({ ...reported, report: { ...reported.report, evidence } });
  await publish(peer, '203.0.113.2', 'nginx');
  await publish(peer, '198.51.100.1', 'nginx');
  const { text, raw, status } = await readUntil('/address?ip=203.0.113.1', /203\.0\.113\.2 nginx/);
  assert.equal(status, 200);
  assert.match(text, /203\.0\.113\.1 is banned DE, AS64496 A &lt;b&gt;net&lt;\/b&gt; By p1 in the jail sshd/);
  assert.match(text, /203\.0\.113\.1 fail2ban\/sshd is supported by p1\./);
  assert.match(
    text,
    /p1 reports fail2ban\/sshd: accepted Failed password for &lt;script&gt;alert\(1\)&lt;\/script&gt; &amp; &quot;x&quot; \\u001b\[2J/,
  );
  assert.match(
    text,
    /Banned everywhere by p1 in sshd, until \S+, in the ledger after \d+ ms, published after \d+ ms/,
  );
  assert.doesNotMatch(raw, /<script>alert|<b>net/);
  assert.doesNotMatch(text, /198\.51\.100\.1/);
  await fleet.server.says('unban', '203.0.113.1', '--reason', 'a customer <b>called</b>');
  const lifted = await readUntil('/address?ip=203.0.113.1', /is not banned/);
  assert.match(lifted.text, /Lifted everywhere by operator in sshd.*: a customer &lt;b&gt;called&lt;\/b&gt;/);
});

test('what is no address is said, with a form to name one', async () => {
  const none = await read('/address');
  assert.deepEqual([none.status, /Name an address or a range/.test(none.text)], [200, true]);
  const odd = await read('/address?ip=%22%3E%3Cscript%3E');
  assert.deepEqual([odd.status, /That is none/.test(odd.text)], [400, true]);
  assert.doesNotMatch(odd.raw, /"><script>/);
});

test('bans and history name countries and networks where a file does', async () => {
  const bans = await readUntil('/bans', /203\.0\.113\.2/);
  assert.match(bans.text, /203\.0\.113\.2 DE, AS64496 A &lt;b&gt;net/);
  const { text, raw } = await read('/history');
  assert.match(
    text,
    /Of which networks .*AS64496 A &lt;b&gt;net&lt;\/b&gt; 2 .*198\.51\.100\.0\/24 1 .*Of which countries DE 2/,
  );
  assert.doesNotMatch(raw, / style="| on\w+="|<script>/);
});

test('bans are looked for by country and by network where a file names them, also those that are taken along', async () => {
  await readUntil('/bans', /198\.51\.100\.1/);
  for (const where of ['de', 'a <B>net', 'AS64496']) {
    const { text, raw } = await read(`/bans?where=${encodeURIComponent(where)}`);
    assert.match(text, /1 ban of \d+ active bans.* 203\.0\.113\.2 /, where);
    assert.doesNotMatch(text, /198\.51\.100\.1/);
    assert.match(raw, /name="where"/);
  }
  assert.match((await read('/bans?where=FR')).text, /No active ban is like that/);
  const taken = await page.get('/bans.json?where=DE', cookie);
  const { bans } = (await taken.json()) as { bans: { ip: string }[] };
  assert.deepEqual(
    bans.map(({ ip }) => ip),
    ['203.0.113.2'],
  );
});

test('a file of countries that breaks is to do in status, and said to whoever looks for one', async () => {
  writeFileSync(mmdb, 'no such file');
  const { todo } = await fleet.server.json<{ todo: { code: string; text: string }[] }>('status');
  assert.match(
    todo.find(({ code }) => code === 'enrichment-broken')?.text ?? '',
    /mmdb.*Lay a whole file there/,
  );
  assert.match((await read('/bans?where=DE')).text, /Cannot read countries and networks/);
});

test('two hundred thousand bans are taken along in parts, made as they are read', async () => {
  const ban = { prog: 'fail2ban', jail: 'sshd', host: 'h1', at: 1, until: null };
  const many = Array.from({ length: 200_000 }, (_, seq) => ({ ...ban, ip: '203.0.113.9', seq }));
  const app = new Hono<Behind>();
  addExports(app, { watch: { bans: () => many }, enrichment: { open: async () => () => ({}) } } as never);
  for (const [path, least] of [
    ['/bans.json', 16e6],
    ['/bans.csv', 10e6],
  ] as const) {
    const { body } = await app.request(path);
    let [bytes, largest] = [0, 0];
    for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += part.length;
      largest = Math.max(largest, part.length);
    }
    assert.ok(bytes > least && largest < 200_000, `${path}: ${bytes} bytes, ${largest} at once`);
  }
});
