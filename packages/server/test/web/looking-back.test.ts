import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Hono } from 'hono';
import type { Behind } from '../../src/web/door/guard.ts';
import { bansThere } from '../../src/web/bans-there.ts';
import { addExports } from '../../src/web/exports.ts';
import type { Explanation } from '../../src/operator/looking/explain.ts';
import type { HostList } from '../../src/operator/host-list.ts';
import { addressPage } from '../../src/web/pages/address.ts';
import { hostsPage } from '../../src/web/pages/hosts.ts';
import { neverBanPage } from '../../src/web/pages/never-ban.ts';
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

test('a host is listed with its version, its Node and its generation, and with the token by which it came', async () => {
  const { text } = await readUntil('/hosts', /h1 .*Node v?\d+\./);
  assert.match(text, /h1 .*\d+\.\d+\.\d+\S* Node v?\d+\.\d+\.\d+ \S+/);
  assert.match(text, /p1 .*unknown Node unknown generation unknown/);
  const list = await fleet.server.json<HostList>('hosts');
  const [one] = list.hosts;
  assert.ok(one);
  const came = { ...list, hosts: [{ ...one, token: '4e20918e052b' }, ...list.hosts.slice(1)] };
  const shown = String(await hostsPage(came, { q: '4e20', state: '', page: 1 }, false, one.lastSeen ?? 0));
  assert.match(shown, /1 host of \d/);
  assert.match(shown, /by token 4e20918e052b/);
});

test('of three hundred hosts one address names those that need a look, counts the others, and lists all where somebody asks', async () => {
  const { ip, events, reports, supporters } = await fleet.server.json<Explanation>('explain', '203.0.113.1');
  const [event] = events;
  assert.ok(event);
  const outcome = { reason: null, at: null, ms: 12 };
  const outcomes = Array.from({ length: 300 }, (_, n) => ({
    ...outcome,
    host: `w${n}.`,
    outcome: n === 250 ? 'failed' : n === 251 ? 'waiting' : 'applied',
  }));
  const none = { packets: null, atMost: null, least: null, most: null, why: null };
  const dropped = [
    { ...none, host: 'w7.', target: '203.0.113.0/24', packets: 12, least: 120, most: 180 },
    { ...none, host: 'w8.', target: ip, atMost: 3 },
    { ...none, host: 'w9.', target: ip, why: 'fail2ban counts nothing for an address' },
  ];
  const explanation = { ip, reports, supporters, dropped, events: [{ ...event, outcomes }] };
  const shownOf = async (hasAll: boolean): Promise<string> =>
    String(await addressPage({ explanation, bans: [], acts: false, hasAll }, event.at))
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ');
  const few = await shownOf(false);
  assert.match(
    few,
    /w250\. failed .*w251\. waiting .*w7\. applied 12 ms 12 of 203\.0\.113\.0\/24 banned before it came: the first 2 min to 3 min after the ban/,
  );
  assert.match(few, /And 270 more hosts: 270 applied\. All of them/);
  assert.match(few, /Packets are unknown on 1 host: fail2ban counts nothing for an address\./);
  assert.doesNotMatch(few, /w299\./);
  const all = await shownOf(true);
  for (const host of ['w8. applied 12 ms at most 3', 'w299. applied']) assert.ok(all.includes(host), host);
  assert.match(all, /At most: a host names the 50 addresses that sent most there/);
});

test('of hundreds of entries that nobody may ban those that somebody put there stand first, a hundred on a page', async () => {
  const own = Array.from({ length: 300 }, (_, n) => ({ range: `192.0.2.${n}`, source: 'own address' }));
  const entries = [...own, { range: '198.51.100.7', source: 'added' }];
  const shown = async (page: number): Promise<string> =>
    String(await neverBanPage({ entries }, { q: '', page }, false, 0));
  const [first, last] = [await shown(1), await shown(9)];
  assert.match(first, /301 entries[^]*198\.51\.100\.7[^]*192\.0\.2\.0<[^]*Page 1 of 4/);
  assert.match(last, /192\.0\.2\.299<[^]*Page 4 of 4/);
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

test('whoever looks for a country again has each ban looked up once, until a file is replaced', async () => {
  const ban = { prog: 'fail2ban', jail: 'sshd', host: 'h1', at: 1, until: null } as const;
  const bans = Array.from({ length: 2500 }, (_, seq) => ({ ...ban, ip: '203.0.113.9', seq }));
  let lookedUp = 0;
  const lookUp = () => ({ country: (lookedUp += 1) % 5 === 0 ? 'DE' : 'FR' });
  const enrichment = { open: async () => lookUp };
  const found = await bansThere(bans as never, 'de', enrichment);
  assert.equal(found.length, 500);
  assert.deepEqual(await bansThere(bans as never, 'DE', enrichment), found);
  assert.equal(lookedUp, 2500);
  const other = { open: async () => () => ({ country: 'DE' }) };
  assert.equal((await bansThere(bans as never, 'DE', other)).length, 2500);
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

test('a view that only the server can fill says so while that is away, and leads nobody to the login who is in', async () => {
  assert.match((await read('/nothing-there')).text, /There is no such page\. To the first view/);
  await fleet.server.stop();
  const { status, text } = await read('/history');
  assert.equal(status, 503);
  assert.match(text, /Unknown No daemon answers .*This view comes by itself once the server answers\./);
  assert.doesNotMatch(text, /login/);
  await fleet.server.start();
});
