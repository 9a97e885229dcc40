import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostName } from '@banshare/protocol';
import { hostPaths, type HostPaths, type Servers } from '@banshare/runtime';
import {
  makeCurvePair,
  makeIdentity,
  readHostKey,
  writeCertificate,
  writeHostKey,
} from '@banshare/transport';
import { Folder, Program, runProgram } from '../../../../test/fleet/index.ts';
import { layHostRoot, serverLines } from '../../../../test/fleet/roots.ts';
import { rotateHere } from '../../src/identity/rotate.ts';
import { ServerChoice } from '../../src/server/server-choice.ts';
import { HandMadeServer } from '../hand-made-server.ts';

const SERVERS = ['127.0.0.1', '127.0.0.2'] as const;
/** Nobody listens there. */
const GONE = '127.0.0.3';
const CANNOT_WRITE = {
  status: 'RETRY',
  verdict: 'retry',
  code: 'ledger',
  reason: 'its database is away',
} as const;

/** Two servers of one fleet. */
async function twins(): Promise<{ servers: [HandMadeServer, HandMadeServer] } & AsyncDisposable> {
  const first = await HandMadeServer.start();
  const second = await HandMadeServer.start(first);
  return {
    servers: [first, second],
    [Symbol.asyncDispose]: async () => {
      for (const server of [first, second]) await server[Symbol.asyncDispose]();
    },
  };
}

/** A host that may enrol, which knows those servers. */
async function layNewcomer(
  folder: Folder,
  name: string,
  server: HandMadeServer,
  known: Servers,
): Promise<HostPaths> {
  const keys = { server: server.curve, join: server.curve };
  const toml = `name = "${name}"\n${serverLines(server.ports, keys, known)}[apply]\nenforcer = "none"\n`;
  const paths = layHostRoot(folder.path, toml);
  writeCertificate(paths.keys.join, { metadata: {}, curve: await makeCurvePair() });
  return paths;
}

/** A name of a host whose order begins with that server. */
function nameThatBeginsAt(server: string, known: Servers): string {
  for (let n = 0; ; n += 1) if (new ServerChoice(known, `h${n}`).current === server) return `h${n}`;
}

test('a newcomer whose first server is not there enrols at the next, and follows that', async () => {
  using folder = new Folder();
  await using server = await HandMadeServer.start();
  const known: Servers = [GONE, '127.0.0.1'];
  const name = nameThatBeginsAt(GONE, known);
  server.now = Date.now() / 1000;
  server.answer = () => ({ status: 'OK', verdict: 'accepted', fields: { name } });
  server.beat();
  await layNewcomer(folder, name, server, known);
  const client = new Program('client', ['--root', folder.path]);
  await client.line(new RegExp(`^banshare-client ready name=${name} `));
  await client.stop();
  assert.equal(server.asked.filter(({ kind }) => kind === 'enrol').length, 1);
});

test('enrol asks the next server where one cannot write, by the same key, and takes the word of the first that can', async () => {
  using folder = new Folder();
  await using both = await twins();
  const name = nameThatBeginsAt(SERVERS[0], SERVERS);
  const [first, second] = both.servers;
  await layNewcomer(folder, name, first, SERVERS);
  first.answer = () => CANNOT_WRITE;
  second.answer = () => ({ status: 'OK', verdict: 'accepted', fields: { name } });
  const { code, stdout } = await runProgram('client', ['enrol', '--root', folder.path]);
  assert.deepEqual([code, stdout], [0, `Enrolled as ${name}.\n`]);
  assert.equal(new Set([...first.asked, ...second.asked].map(({ key }) => key)).size, 1);
  // Who has to be approved is asked for once: a person does it for all servers.
  using waiting = new Folder();
  await layNewcomer(waiting, name, first, SERVERS);
  first.answer = () => ({ status: 'OK', verdict: 'pending', reason: 'an operator has to approve' });
  second.asked.length = 0;
  assert.equal((await runProgram('client', ['enrol', '--root', waiting.path])).code, 1);
  assert.deepEqual(second.asked, []);
});

test('rotate asks the next server where one cannot write, for the same next key', async () => {
  using folder = new Folder();
  await using both = await twins();
  const [first, second] = both.servers;
  const paths = layHostRoot(folder.path, '');
  const own = await makeIdentity();
  writeHostKey(paths.keys.host, own, 'h1' as HostName);
  first.answer = () => CANNOT_WRITE;
  const endpoint = {
    servers: SERVERS,
    reportPort: first.ports.report,
    publishPort: first.ports.publish,
    serverPublicKey: first.curve.publicKey,
  };
  const reply = await rotateHere(paths, [], endpoint, () => undefined);
  assert.ok(reply.ok, JSON.stringify(reply));
  const asked = [first, second].map((server) =>
    server.asked.flatMap((each) => (each.kind === 'rotate' ? [each.next] : [])),
  );
  const key = readHostKey(hostPaths(folder.path).keys.host);
  assert.ok(key.ok);
  assert.deepEqual(asked, [[key.value.publicHex], [key.value.publicHex]]);
  assert.notEqual(key.value.publicHex, own.publicHex);
});
