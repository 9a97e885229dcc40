import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { Hono } from 'hono';
import { PAGE_TOML, runProgram, startFleet, startPage } from '../../../../test/fleet/index.ts';
import { letIn, type Behind } from '../../src/web/door/guard.ts';
import { isNamed, isOwnOrigin, namesOf } from '../../src/web/door/names.ts';
import { Sessions } from '../../src/web/door/sessions.ts';
import { Tries } from '../../src/web/door/tries.ts';
import { listenFaults } from '../../src/web/listen.ts';

const fleet = await startFleet({ serverToml: PAGE_TOML });
after(() => fleet[Symbol.asyncDispose]());
const page = await startPage(fleet.server);
after(() => page[Symbol.asyncDispose]());
const cookie = await page.enter('anna');

/** Asks by another Host than fetch() would let one say. */
async function asHost(host: string): Promise<string> {
  const { hostname, port } = new URL(page.address);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request({ hostname, port, headers: { host, cookie } }, (answer) => {
    void text(answer).then((said) => resolve(`${answer.statusCode} ${said}`), reject);
  })
    .on('error', reject)
    .end();
  return promise;
}

test('a link lets one person in once, and neither its code nor a cookie is in any log', async () => {
  const code = (await page.link('ben')).split('#')[1] ?? '';
  const first = await page.post('/enter', { code });
  assert.equal(first.status, 303);
  const [set = ''] = first.headers.getSetCookie();
  assert.match(set, /; HttpOnly/);
  assert.match(set, /; SameSite=Strict/);
  assert.match(set, /Max-Age=43200/);
  const second = await page.post('/enter', { code });
  assert.equal(second.status, 403);
  assert.match(await second.text(), /used already/);
  const logs = [...page.said, ...fleet.server.said].join('\n');
  for (const secret of [code, set.split(/[=;]/)[1] ?? '']) assert.ok(!logs.includes(secret));
});

test('a question to the server that fails in a way that nobody expected keeps nobody out who comes after it', async () => {
  let isBroken = true;
  const tries = new Tries(async () => {
    if (isBroken) throw new Error('broken');
    return { ok: true, result: { names: ['anna'], refusal: '' } };
  });
  assert.deepEqual(await tries.take('one'), { refusal: 'broken' });
  isBroken = false;
  assert.deepEqual(await tries.take('other'), { name: 'anna' });
});

test('whoever tries codes all the time keeps nobody out who has a link', async () => {
  const code = (await page.link('carl')).split('#')[1] ?? '';
  // Over more connections than it once let wait.
  const wrong = Array.from({ length: 250 }, () => page.post('/enter', { code: 'guessed' }));
  const right = page.post('/enter', { code });
  for (const answer of await Promise.all(wrong)) assert.equal(answer.status, 403);
  assert.equal((await right).status, 303);
});

test('the page is not served as root, however its root is written', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root');
  for (const words of [[], ['--root', '/']]) {
    const { code, stderr } = await runProgram('server', ['web', ...words]);
    assert.equal(code, 78);
    assert.match(stderr, /Cannot serve the page as root/);
  }
});

test('who is not let in sees the way in and nothing of the fleet, whatever he asks for', async () => {
  for (const path of ['/', '/live', '/hosts', '/bans', '/bans.csv', '/audit', '/nothing'])
    for (const said of ['', 'banshare-session=nobody']) {
      const answer = await page.get(path, said);
      assert.equal(answer.status, 401, path);
      assert.doesNotMatch(await answer.text(), /anna|Active bans/);
    }
  const inside = await page.get('/', cookie);
  assert.match(await inside.text(), /Active bans/);
});

test('a fleet without a host and a ban says so in whole sentences, and how one comes to it', async () => {
  const text = async (path: string): Promise<string> =>
    (await (await page.get(path, cookie)).text()).replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
  const now = await text('/');
  for (const said of [
    /Hosts 0 none has joined yet/,
    /Active bans 0 nothing is banned now/,
    /No host is in the fleet yet\. banshare-server token add lets one in\./,
    /Nothing was banned yet\./,
  ])
    assert.match(now, said);
  const address = await text('/address?ip=203.0.113.9');
  assert.match(address, /203\.0\.113\.9 is not banned .*Nothing is known of this address\./);
  assert.doesNotMatch(address, /What happened/);
});

test("a name that is not the page's gets nothing, so that no site has a browser ask for it under its own name", async () => {
  assert.match(await asHost('attacker.example.org'), /^403 /);
  assert.match(await asHost(`attacker.example.org:${new URL(page.address).port}`), /^403 /);
  // A tunnel has whatever port.
  assert.match(await asHost('localhost:4711'), /^200 /);
});

test('a form of another site, and one without the token of the login, does nothing', async () => {
  const foreign = await page.post('/leave', {}, cookie, { origin: 'http://attacker.example.org' });
  assert.equal(foreign.status, 403);
  const without = await page.post('/anything', { token: 'guessed' }, cookie);
  assert.equal(without.status, 403);
  assert.match(await without.text(), /not of your login/);
  assert.equal((await page.get('/', cookie)).status, 200);
});

test('who asks for the live stream without reading it takes nothing from those who follow', async () => {
  for (let asked = 0; asked < 70; asked += 1) {
    const { hostname, port } = new URL(page.address);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    request({ hostname, port, path: '/live', method: 'HEAD', headers: { cookie } }, (answer) => {
      answer.resume().once('end', resolve);
    })
      .once('error', reject)
      .end();
    await promise;
  }
  const following = new AbortController();
  const answer = await fetch(`${page.address}/live`, { headers: { cookie }, signal: following.signal });
  assert.equal(answer.status, 200);
  following.abort();
});

test('what moves in a view is sent to nobody any more once he has logged out', async () => {
  const leaving = await page.enter('leaving');
  const view = await (await page.get('/', leaving)).text();
  const answer = await page.get('/live?view=/', leaving);
  const heard = text(answer.body!);
  const [, token = ''] = /name="token" value="([^"]+)"/.exec(view) ?? [];
  assert.equal((await page.post('/leave', { token }, leaving)).status, 303);
  await fleet.server.says('ban', '203.0.113.44');
  assert.doesNotMatch(await heard, /203\.0\.113\.44/);
});

test('the first view with its style, script and icon weighs far less than 150 KB on the way', async () => {
  const weigh = async (path: string): Promise<number> => {
    const answer = await page.get(path, cookie);
    assert.equal(answer.status, 200, path);
    return gzipSync(await answer.text()).length;
  };
  let bytes = 0;
  for (const path of ['/', '/page.css', '/page.js', '/icon.svg']) bytes += await weigh(path);
  assert.ok(bytes < 40_000, `${bytes} bytes`);
});

test('every answer forbids code within a page, frames and keeping', async () => {
  for (const answer of [
    await page.get('/', cookie),
    await page.get('/enter'),
    await page.get('/nothing', cookie),
  ]) {
    const policy = answer.headers.get('Content-Security-Policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(answer.headers.get('X-Content-Type-Options'), 'nosniff');
    assert.equal(answer.headers.get('Cache-Control'), 'no-store');
    assert.doesNotMatch(await answer.text(), / style="| on\w+="|<script>/);
  }
});

/** A door by which a proxy says who somebody is, at the time that the test sets. */
function doorOfProxy(clock: () => number): Hono<Behind> {
  const web = { listen: { unix: '/run/page.sock' }, userHeader: 'X-Remote-User' };
  const app = new Hono<Behind>();
  const sayNo: Parameters<typeof letIn>[2] = (context, status) => context.text('no', status);
  app.use(letIn(web as unknown as Parameters<typeof letIn>[0], new Sessions(), sayNo, clock));
  return app;
}

test('who asks too often at once is refused, and nobody else is', async () => {
  const app = doorOfProxy(() => 0);
  app.get('/', (context) => context.text('a view'));
  const ask = async (user: string): Promise<number> =>
    (await app.request('/', { headers: { 'X-Remote-User': user } })).status;
  assert.equal(await ask('hasty'), 200);
  const answers = await Promise.all(Array.from({ length: 130 }, () => ask('hasty')));
  assert.ok(answers.includes(429));
  assert.equal(await ask('anna'), 200);
});

test('whom a proxy lets in no more is sent what moves for ten minutes at most: his browser has to come by the proxy again', async () => {
  let [now, isLetIn]: [number, () => boolean] = [0, () => false];
  const app = doorOfProxy(() => now);
  app.get('/live', (context) => {
    isLetIn = context.get('isLetIn');
    return context.text('follows');
  });
  assert.equal((await app.request('/live')).status, 401);
  assert.equal((await app.request('/live', { headers: { 'X-Remote-User': 'anna' } })).status, 200);
  now = 600;
  assert.equal(isLetIn(), true);
  now = 601;
  assert.equal(isLetIn(), false);
});

test('a login ends after twelve hours, or when somebody logs out', async () => {
  const sessions = new Sessions();
  const key = sessions.begin('anna', 1000);
  assert.equal(sessions.of(key, 1000 + 43_199)?.name, 'anna');
  assert.equal(sessions.of(key, 1000 + 43_200), undefined);
  // A clock that was set back makes no login longer.
  assert.equal(sessions.of(key, 999), undefined);
  assert.equal((await page.post('/leave', {}, cookie)).status, 303);
  assert.equal((await page.get('/', cookie)).status, 401);
});

test('who is logged in stays so while the page starts again, by a file that lets nobody in, and not who logged out', async () => {
  const logins = fleet.server.paths.pageLogins;
  mkdirSync(dirname(logins), { recursive: true });
  await using first = await startPage(fleet.server);
  const [stays, leaves] = [await first.enter('anna'), await first.enter('ben')];
  const tokenOf = (view: string): string => /name="token" value="([^"]+)"/.exec(view)?.[1] ?? '';
  const view = await (await first.get('/', stays)).text();
  const token = tokenOf(await (await first.get('/', leaves)).text());
  assert.equal((await first.post('/leave', { token }, leaves)).status, 303);
  const { mode } = statSync(logins);
  assert.equal(mode & 0o777, 0o600);
  const kept = readFileSync(logins, 'utf8');
  for (const secret of [stays.split('=')[1] ?? '', tokenOf(view)]) assert.ok(!kept.includes(secret));
  await first.stop('SIGKILL');

  await using second = await startPage(fleet.server);
  const again = await second.get('/', stays);
  assert.equal(again.status, 200);
  // A form that was open before the restart is taken, too.
  assert.equal(tokenOf(await again.text()), tokenOf(view));
  assert.equal((await second.get('/', leaves)).status, 401);
  const [{ hash }] = JSON.parse(kept) as [{ hash: string }];
  assert.equal((await second.get('/', `banshare-session=${hash}`)).status, 401);
  await second.stop();

  // What is not this user's alone, or no such file, lets nobody in and keeps no page from starting.
  const spoilt: (() => void)[] = [
    () => chmodSync(logins, 0o644),
    () => writeFileSync(logins, '[{"hash":1}]', { mode: 0o600 }),
    () => {
      renameSync(logins, `${logins}.of-another`);
      symlinkSync(`${logins}.of-another`, logins);
    },
  ];
  for (const spoil of spoilt) {
    rmSync(logins, { force: true });
    writeFileSync(logins, kept, { mode: 0o600 });
    spoil();
    await using third = await startPage(fleet.server);
    assert.equal((await third.get('/', stays)).status, 401, String(spoil));
    assert.match(third.said.join('\n'), /Logins of the page end when it starts again/);
  }
});

test('the page listens to others by TLS alone, and only a proxy at a unix socket may say who somebody is', () => {
  const web = {
    listen: { address: '127.0.0.1', port: 9180 },
    acts: false,
    names: [] as string[],
    userHeader: undefined,
    allowPublic: false,
    tlsCertificate: undefined,
    tlsKey: undefined,
  };
  assert.deepEqual(listenFaults(web), []);
  const open = { ...web, listen: { address: '0.0.0.0', port: 443 }, names: ['bans.example.org'] };
  assert.match(listenFaults(open).join(), /allow-public/);
  assert.match(listenFaults({ ...open, allowPublic: true }).join(), /tls-certificate/);
  const secured = { ...open, allowPublic: true, tlsCertificate: '/a', tlsKey: '/b' };
  assert.deepEqual(listenFaults(secured), []);
  assert.match(listenFaults({ ...secured, names: [] }).join(), /names/);
  assert.match(listenFaults({ ...web, userHeader: 'X-User' }).join(), /unix socket/);
  assert.deepEqual(listenFaults({ ...web, userHeader: 'X-User', listen: { unix: '/run/x.sock' } }), []);
});

test('isNamed() and isOwnOrigin() take a name with whatever port, and nothing that only contains it', () => {
  const names = namesOf({ address: '::1', port: 9180 }, ['Bans.example.org']);
  for (const host of ['localhost', 'localhost:1', '[::1]:9180', '127.0.0.1', 'BANS.example.org:80'])
    assert.ok(isNamed(host, names), host);
  for (const host of [
    undefined,
    '',
    'bans.example.org.evil.org',
    'evil.org:localhost',
    '[::2]',
    'localhost:',
    'a@localhost',
  ])
    assert.ok(!isNamed(host, names), host);
  assert.ok(isOwnOrigin('http://localhost:1', 'localhost:1'));
  for (const origin of [undefined, 'null', 'http://localhost:2', 'http://localhost:1.evil.org'])
    assert.ok(!isOwnOrigin(origin, 'localhost:1'), origin);
});
