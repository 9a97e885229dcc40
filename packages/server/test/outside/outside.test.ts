import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { askAdmin, openLog, readServerConfig } from '@banshare/runtime';
import { Program, startFleet, within } from '../../../../test/fleet/index.ts';
import { Outside } from '../../src/outside/outside.ts';

type Got = { path: string; document: { level: string; text: string; title: string } };

/** A receiver on loopback, whose answers the test may give up. */
const got: Got[] = [];
const waiting = new Set<() => void>();
let answers = 200;
const server = createServer((request, response) => void take(request, response)).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const fleet = await startFleet();
const { paths } = fleet.server;
const running: Program[] = [];
after(async () => {
  for (const program of running) await program.stop('SIGKILL');
  server.closeAllConnections();
  server.close();
  await fleet[Symbol.asyncDispose]();
});

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  // What hangs is not answered at all.
  if (answers !== 0) response.writeHead(answers).end();
  got.push({ path: request.url ?? '', document: (text === '' ? {} : JSON.parse(text)) as Got['document'] });
  for (const wake of waiting) wake();
  waiting.clear();
}

/** The next call of a path, past or to come, each handed out once. */
function next(path: string): Promise<Got['document']> {
  const found = async (): Promise<Got['document']> => {
    for (;;) {
      const index = got.findIndex((each) => each.path === path);
      if (index >= 0) return got.splice(index, 1)[0]?.document ?? assert.fail();
      await new Promise<void>((resolve) => waiting.add(resolve));
    }
  };
  return within(found(), 20_000, () => `a call of ${path}`);
}

/** What a file holds once a program has laid it into a folder. */
async function fileIn(folder: string, name: string): Promise<string> {
  const watcher = watch(folder);
  const laid = new Promise<string>((resolve) =>
    watcher.on('change', (_, file) => {
      if (file === name) resolve(readFileSync(join(folder, name), 'utf8'));
    }),
  );
  return within(laid, 20_000, () => name).finally(() => watcher.close());
}

const toml = join(dirname(paths.serverConfig), 'server.d/messages.toml');
const hook = (path: string, more = ''): string =>
  `[[notify]]\nkind = "webhook"\nurl = "${url}${path}"\n${more}\n`;
const ALL = 'for = ["urgent", "to-do"]';

async function startOutside(): Promise<Program> {
  const program = new Program('server', ['outside', '--root', fleet.server.root]);
  running.push(program);
  await program.line(/^banshare-server outside ready/);
  return program;
}

test('what a person has to know goes out with what to do about it, and not again after a restart', async () => {
  mkdirSync(dirname(toml));
  mkdirSync(dirname(paths.outsideSocket));
  chmodSync(dirname(paths.outsideSocket), 0o2750);
  writeFileSync(toml, `${hook('/all', ALL)}${hook('/urgent')}[dead-man]\nurl = "${url}/alive"\n`);
  await fleet.server.restart();
  await fleet.server.says('freeze');
  const outside = await startOutside();
  const { level, text } = await next('/all');
  assert.equal(level, 'to-do');
  assert.match(text, /To do\n- .*FROZEN.*banshare-server thaw/s);
  await next('/alive');
  assert.equal(await outside.stop(), 0);
  await startOutside();
  await next('/alive');
  await fleet.server.says('notify');
  // It is alive all the time.
  assert.deepEqual(
    got.filter(({ path }) => path !== '/alive'),
    [],
  );
});

test('notify --test reaches each, and names who does not get it', async () => {
  const said = await fleet.server.says('notify', '--test');
  assert.equal(said.match(/^webhook 127\.0\.0\.1:\d+: sent$/gm)?.length, 2);
  assert.equal((await next('/urgent')).level, 'test');
  assert.match((await next('/all')).title, /a test/);
  answers = 500;
  const failed = await fleet.server.command('notify', '--test');
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /FAILED: 127\.0\.0\.1:\d+ answered 500/);
  got.length = 0;
});

test('a receiver that hangs delays neither the others nor the server, and one that fails is named', async () => {
  const [outside] = running.slice(-1);
  answers = 0;
  const command = `/bin/sh -c 'cat > ${fleet.server.root}/new; mv ${fleet.server.root}/new ${fleet.server.root}/told'`;
  const program = `[[notify]]\nkind = "command"\ncommand = ${JSON.stringify(command)}\n${ALL}\n`;
  writeFileSync(toml, `${hook('/hangs', ALL)}${program}`);
  const told = fileIn(fleet.server.root, 'told');
  outside?.kill('SIGHUP');
  await next('/hangs');
  assert.match(await told, /FROZEN/);
  answers = 500;
  writeFileSync(toml, `${hook('/hangs', ALL)}${program}${hook('/fails', ALL)}`);
  outside?.kill('SIGHUP');
  await outside?.line(/A message does not go out; it is tried again.*answered 500/);
  assert.doesNotMatch(outside?.said.join('\n') ?? '', /\/fails/);
  const shown = await fleet.server.command('notify');
  assert.equal(shown.code, 1);
  assert.match(shown.stdout, /^webhook \S+: FAILED since .* answered 500; nothing sent yet$/m);
  assert.match(shown.stdout, /^command \/bin\/sh: last at /m);
});

test('the socket of who sends messages takes that one question, and status says whom they do not reach', async () => {
  const ask = (request: string, args: Record<string, unknown> = {}) =>
    askAdmin(paths.outsideSocket, { command: request, args }, 10_000);
  for (const other of ['status', 'bans', 'ban', 'reload', 'audit', 'page-login'])
    assert.partialDeepStrictEqual(await ask(other), { code: 'not-allowed' }, other);
  const reply = await ask('attention', { tryWriting: true, failing: ['ntfy of\u001b[2J example.org', 7] });
  assert.partialDeepStrictEqual(reply, { ok: true, result: { isAtWork: true, speaks: true, reloads: 0 } });
  const { todo } = await fleet.server.json<{ todo: { code: string; text: string }[] }>('status');
  const failing = todo.find(({ code }) => code === 'messages-failing');
  assert.match(failing?.text ?? '', /do not go out to ntfy of.*example\.org: banshare-server notify --test/);
});

test('a kind of message that there is not is refused where it is written, and the receivers stay', async () => {
  writeFileSync(toml, hook('/all', 'for = ["frozzen"]'));
  const check = await fleet.server.command('--check');
  assert.equal(check.code, 78);
  assert.match(check.stderr, /\[\[notify\]\] 1 .*"frozzen"; did you mean "frozen"\?/);
  const [outside] = running.slice(-1);
  outside?.kill('SIGHUP');
  await outside?.line(/Cannot reload; receivers are as before/);
});

test('a server that answers nobody for a minute is told too, and only then', async () => {
  answers = 200;
  got.length = 0;
  writeFileSync(toml, hook('/silent'));
  const reread = () => readServerConfig(paths.serverConfig);
  const read = await reread();
  assert.ok(read.ok);
  let now = 1000;
  const away = {
    ...paths,
    outsideSocket: join(fleet.server.root, 'nobody.sock'),
    said: join(fleet.server.root, 'said'),
  };
  const log = await openLog({ level: 'error', format: 'text' });
  const outside = new Outside({ config: read.config, paths: away, reread }, log, () => now);
  now += 59;
  await outside.look();
  // What the process of the tests above tries again goes elsewhere.
  assert.deepEqual(
    got.filter(({ path }) => path === '/silent'),
    [],
  );
  now += 1;
  await outside.look();
  assert.match((await next('/silent')).text, /answers nobody since .*systemctl status banshare-server/);
  outside.close();
});
