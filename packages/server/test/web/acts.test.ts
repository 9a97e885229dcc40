import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { askAdmin } from '@banshare/runtime';
import { PAGE_TOML, startFleet, startPage, untilAnswered } from '../../../../test/fleet/index.ts';
import type { Status } from '../../src/operator/status.ts';
import { refusalOf } from '../../src/web/acts/act-pages.ts';
import { ban, neverBanAdd, unban } from '../../src/web/acts/ban-acts.ts';
import { drill, release } from '../../src/web/acts/fleet-acts.ts';

const fleet = await startFleet({ hosts: ['h1', 'h2'], serverToml: `${PAGE_TOML}acts = true\n` });
after(() => fleet[Symbol.asyncDispose]());
const page = await startPage(fleet.server);
after(() => page[Symbol.asyncDispose]());
const cookie = await page.enter('anna');

/** What a view says, without its markup. */
function wordsOf(html: string): string {
  const main = /<main[\s\S]*<\/main>/.exec(html)?.[0] ?? html;
  return main
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

async function view(path: string): Promise<string> {
  return wordsOf(await (await page.get(path, cookie)).text());
}

/** What the page says that an act will do. */
async function plan(path: string): Promise<string> {
  return wordsOf(await (await page.get(`/act/${path}`, cookie)).text());
}

async function act(
  name: string,
  fields: Record<string, string> = {},
): Promise<{ status: number; said: string; to: string }> {
  const token = /name="token" value="([^"]+)"/.exec(await (await page.get('/', cookie)).text())?.[1] ?? '';
  const answer = await page.post(`/act/${name}`, { token, ...fields }, cookie);
  return {
    status: answer.status,
    said: wordsOf(await answer.text()),
    to: answer.headers.get('Location') ?? '',
  };
}

type Entry = { what: string; details: Record<string, unknown> };

async function newest(): Promise<Entry | undefined> {
  return (await fleet.server.json<{ entries: Entry[] }>('audit')).entries.at(-1);
}

test('a ban on the page says first what it does, is banned on every host, and stands in the audit log with the name of the link', async () => {
  assert.match(await plan('ban?ip=203.0.113.9&for=2h'), /Bans 203\.0\.113\.9 on all 2 hosts, for 2 h\./);
  assert.equal((await page.post('/act/ban', { ip: '203.0.113.9' }, cookie)).status, 403, 'without the token');
  const done = await act('ban', { ip: '203.0.113.9', for: '2h', reason: 'seen in the logs' });
  assert.deepEqual([done.status, done.to], [303, '/address?ip=203.0.113.9']);
  await Promise.all(['h1', 'h2'].map((name) => fleet.host(name).line(/Ban .*ip=203\.0\.113\.9 /)));
  assert.match(
    await view('/address?ip=203.0.113.9'),
    /203\.0\.113\.9 is banned .* .* in the ledger after \d+ ms/,
  );
  assert.partialDeepStrictEqual(await newest(), {
    what: 'ban',
    details: { ip: '203.0.113.9', reason: 'seen in the logs', by: 'anna', way: 'page' },
  });
});

test('more than ten addresses are banned and lifted only by whoever types their number', async () => {
  const range = { ip: '198.51.100.0/26', for: '1h' };
  assert.match(await plan('ban?ip=198.51.100.0/26'), /Type 64/);
  for (const number of ['', '63', 'yes'])
    assert.equal((await act('ban', { ...range, number })).status, 409, number);
  assert.equal((await act('ban', { ...range, number: '64' })).status, 303);
  assert.equal((await act('unban', { ip: range.ip })).status, 409);
  assert.equal((await act('unban', { ip: range.ip, number: '64' })).status, 303);
  const many = Array.from({ length: 11 }, (_, n) => `192.0.2.${n + 101}`).join(' ');
  assert.equal((await act('ban', { ip: many })).status, 409);
  assert.match((await act('ban', { ip: '192.0.2.101 192.0.2.102' })).said, /192\.0\.2\.102 is banned/);
});

test('one address on more than ten hosts asks for their number, as many addresses do', async () => {
  const ask = async () => ({ ok: true, result: {} }) as const;
  const status = { hosts: 42, held: 1 } as Status;
  const parts = { ask, status, hosts: [], bans: [], isWhole: true, now: 0 };
  const given = (name: string) => ({ ip: ['203.0.113.9'] })[name] ?? [];
  for (const act of [ban, unban, drill, release]) {
    const planned = await act.plan(given, parts);
    assert.match(refusalOf(planned, given) ?? '', /^This is about 42 hosts: type that number/);
    assert.equal(
      refusalOf(planned, (name) => (name === 'number' ? ['42'] : given(name))),
      undefined,
    );
  }
});

test('lifting a ban says how many hosts found it themselves and let go', async () => {
  await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.20']);
  await fleet.host('h2').line(/Ban .*ip=203\.0\.113\.20 /);
  assert.match(
    await plan('unban?ip=203.0.113.20'),
    /Lifts 203\.0\.113\.20 \(sshd\) on all 2 hosts; 1 host found it itself and is told to let go/,
  );
  assert.equal((await act('unban', { ip: '203.0.113.20' })).status, 303);
  await fleet.host('h2').line(/Unban .*ip=203\.0\.113\.20 /);
  assert.match((await act('unban', { ip: 'nonsense' })).said, /nonsense/);
});

test('what is never to be banned is lifted, and comes off the list again', async () => {
  await act('ban', { ip: '203.0.113.130' });
  await fleet.host('h2').line(/Ban .*ip=203\.0\.113\.130 /);
  assert.match(await plan('never-ban?range=203.0.113.128/25'), /Lifts 1 ban there/);
  const office = { range: '203.0.113.128/25', note: 'the <b>office</b>', for: '8h' };
  assert.match((await act('never-ban', office)).said, /1 ban lifted/);
  await fleet.host('h2').line(/Unban .*ip=203\.0\.113\.130 /);
  assert.match(
    (await view('/never-ban')).replaceAll(/<[^>]*>|\s+/g, ' ').replaceAll(/ +/g, ' '),
    /203\.0\.113\.128\/25 added by anna in 8 h the &lt;b&gt;office/,
  );
  assert.equal((await act('never-ban-remove', { range: '203.0.113.128/25' })).status, 200);
});

test('a host that waits is let in, and shut out only by whoever says that he wants it', async () => {
  await fleet.server.says('enrolment', 'approve');
  const newcomer = await fleet.newcomer();
  await newcomer.enrol('new1', ['203.0.113.200']);
  // A view is as of a moment ago.
  const named = async (): Promise<true | undefined> => (await view('/held')).includes('new1') || undefined;
  await untilAnswered(named, 10_000, () => 'the page to name who waits');
  assert.match(
    (await act('approve', { name: 'new1', address: '203.0.113.200' })).said,
    /new1 is in the fleet/,
  );
  assert.match(await fleet.server.says('never-ban'), /203\.0\.113\.200/);
  assert.match((await act('revoke', { name: 'new1' })).said, /say that you want it/);
  assert.match((await act('revoke', { name: 'new1', sure: 'yes' })).said, /new1 is revoked/);
  assert.partialDeepStrictEqual(await newest(), { what: 'revoked', details: { by: 'anna' } });
});

test('a freeze holds what hosts report; it is published or forgotten, and what somebody did is taken back', async () => {
  assert.equal((await act('freeze')).status, 200);
  assert.match(
    (await act('freeze', { for: '1h' })).said,
    /It was frozen until thaw before, and is now until 2/,
  );
  await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.40']);
  assert.match((await act('ban', { ip: '203.0.113.41' })).said, /FROZEN/);
  assert.match(await view('/'), /End the freeze/);
  assert.match(await view('/held'), /203\.0\.113\.40/);
  assert.equal((await act('thaw')).status, 200);
  assert.match((await act('release')).said, /1 held ban published/);
  await fleet.host('h2').line(/Ban .*ip=203\.0\.113\.40 /);
  assert.match((await act('drop')).said, /Nothing is held/);
  assert.match(await plan('undo?since=1h&host=h1'), /Lifts 1 ban on 2 hosts/);
  assert.equal((await act('undo', { since: '1h', host: 'h1' })).status, 409);
  assert.match((await act('undo', { since: '1h', host: 'h1', sure: 'yes' })).said, /1 ban lifted/);
  await fleet.host('h2').line(/Unban .*ip=203\.0\.113\.40 /);
});

test('a drill says of each host what it made of it, and after how many milliseconds', async () => {
  const { said } = await act('drill');
  for (const host of ['h1', 'h2']) assert.match(said, new RegExp(`${host} applied after [\\d,]+ ms`));
});

test('a page that may only look has no acts, and the server would carry none out', async () => {
  await fleet.server.restart(PAGE_TOML);
  // What the page knows is as of a moment ago.
  const mayOnlyLook = async (): Promise<true | undefined> =>
    !(await (await page.get('/', cookie)).text()).includes('href="/acts"') || undefined;
  await untilAnswered(mayOnlyLook, 10_000, () => 'the page to have no acts');
  assert.match((await act('ban', { ip: '203.0.113.99' })).said, /There is no such act/);
  const asked = await askAdmin(
    fleet.server.paths.pageSocket,
    { command: 'ban', args: { ip: '203.0.113.99' }, by: 'anna' },
    5000,
  );
  assert.match(asked.ok ? '' : asked.reason, /may only look/);
  await using looking = await startPage(fleet.server);
  const guest = await looking.enter('ben');
  for (const path of ['/acts', '/act/ban']) assert.equal((await looking.get(path, guest)).status, 404);
  assert.doesNotMatch(await (await looking.get('/bans', guest)).text(), /\/act\//);
  // A reload of the server alone lets it act, and takes that back.
  appendFileSync(fleet.server.paths.serverConfig, 'acts = true\n');
  await fleet.server.says('reload');
  const mayAct = async (): Promise<true | undefined> =>
    (await (await looking.get('/', guest)).text()).includes('href="/acts"') || undefined;
  await untilAnswered(mayAct, 10_000, () => 'the page to act');
  assert.equal((await looking.get('/act/ban', guest)).status, 200);
});

test('while the page has not read all bans it does not say that nothing is lifted, nor goes by the number of those that it has', async () => {
  const ask = async () => ({ ok: false, code: 'no-daemon', reason: 'none' }) as const;
  const parts = { ask, status: undefined, hosts: [], bans: [], isWhole: false, now: 0 };
  const given = (name: string) => ({ range: ['203.0.113.0/24'], ip: ['203.0.113.9'] })[name] ?? [];
  assert.match(JSON.stringify(await neverBanAdd.plan(given, parts)), /^"The page still reads what is banned/);
  assert.match(
    JSON.stringify(await unban.plan(given, parts)),
    /Whether 203\.0\.113\.9 is banned is not known/,
  );
  assert.match(
    JSON.stringify(await neverBanAdd.plan(given, { ...parts, isWhole: true })),
    /Nothing there is banned/,
  );
});
