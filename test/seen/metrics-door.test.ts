import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { startFleet, within, type Fleet } from '../fleet/index.ts';

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

// One fleet for all, whose server and host serve metrics at ports that the machine chose.
let fleet: Fleet;
let serverUrl: URL;
let hostUrl: URL;
before(async () => {
  const toml = '\n[metrics]\nlisten = "127.0.0.1:0"\n';
  fleet = await startFleet({ serverToml: toml, clientToml: toml, hosts: ['h1'] });
  serverUrl = urlIn(await fleet.server.line(/Serves metrics/));
  hostUrl = urlIn(await fleet.host('h1').line(/Serves metrics/));
});
after(() => fleet[Symbol.asyncDispose]());

function urlIn(line: string): URL {
  return new URL(/http:\/\/[\w.:]+\/metrics/.exec(line)?.[0] ?? '');
}

type Got = { status: number; headers: IncomingHttpHeaders; text: string };

async function get(url: URL, headers: Record<string, string> = {}, method = 'GET', body = ''): Promise<Got> {
  const asked = request(url, { method, headers, agent: false }).end(body);
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

test('/metrics of server and client answers with what the command prints, in the form that the scraper asks for', async () => {
  const plain = await get(serverUrl);
  assert.equal(plain.status, 200);
  assert.equal(plain.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const typesOf = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('# TYPE'));
  assert.deepEqual(typesOf(plain.text), typesOf(await fleet.server.says('metrics')));
  assert.match(plain.text, /^banshare_hosts 1$/m);
  const open = await get(serverUrl, { accept: OPENMETRICS });
  assert.equal(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  assert.match(open.text, /\n# EOF\n$/);
  const ofHost = await get(hostUrl);
  assert.match(ofHost.text, /^banshare_client_in_step 1$/m);
  assert.match(ofHost.text, /^banshare_up\{program="banshare-client"\} 1$/m);
});

test('only GET /metrics is answered, without a body, and of a page that has another name lead to loopback nothing', async () => {
  const statusOf = async (path: string, headers = {}, method = 'GET', body = ''): Promise<number> =>
    (await get(new URL(path, serverUrl), headers, method, body)).status;
  assert.equal(await statusOf('/'), 404);
  assert.equal(await statusOf('/metrics/'), 404);
  assert.equal(await statusOf('/metrics?name=x'), 200);
  for (const method of ['POST', 'HEAD', 'DELETE', 'OPTIONS'])
    assert.equal(await statusOf('/metrics', {}, method), 405, method);
  assert.equal(await statusOf('/metrics', { 'content-length': '3' }, 'GET', 'abc'), 413);
  assert.equal(await statusOf('/metrics', { host: 'evil.example:9188' }), 421);
  assert.equal(await statusOf('/metrics', { host: 'localhost:1' }), 200);
  assert.equal(await statusOf('/metrics', { host: '[::1]:1' }), 200);
  const { headers } = await get(serverUrl);
  assert.equal(headers['access-control-allow-origin'], undefined);
});

test('what is no HTTP, too long or never ends takes its connection along, and the daemon goes on', async () => {
  const sent = async (bytes: string): Promise<string> => {
    const socket = connect(Number(serverUrl.port), '127.0.0.1');
    let said = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (said += chunk));
    socket.on('error', () => undefined);
    socket.write(bytes);
    await within(once(socket, 'close'), 20_000, () => 'the end of a connection');
    return said;
  };
  assert.match(await sent('\x16\x03\x01 nothing\r\n\r\n'), /^HTTP\/1\.1 400|^$/);
  assert.match(await sent(`GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9000)}`), /431/);
  assert.match(await sent('GET /metrics HTTP/1.1\r\nHost: localhost\r\n'), /408/);
  assert.equal((await get(serverUrl)).status, 200);
});

test('a process that dies is started again, and may write no file and run no program', async () => {
  const words = ['--ppid', String(fleet.server.pid), '-o', 'pid=,args='];
  const { stdout } = spawnSync('ps', words, { encoding: 'utf8' });
  const child = stdout.split('\n').find((line) => line.includes('--metrics-child'));
  assert.ok(child?.includes('--permission') === true, stdout);
  process.kill(Number.parseInt(child, 10), 'SIGKILL');
  await fleet.server.line(/Cannot serve metrics/);
  const again = urlIn(await fleet.server.line(/Serves metrics/));
  assert.match((await get(again)).text, /^banshare_up\{program="banshare-server"\} 1$/m);
});

test('a host whose port for metrics is taken says so, and bans all the same', async () => {
  const h2 = await fleet.addHost('h2', `\n[metrics]\nlisten = "127.0.0.1:${hostUrl.port}"\n`);
  await h2.line(/Cannot serve metrics.*EADDRINUSE/);
  await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.77']);
  assert.deepEqual((await h2.commands.next()).slice(2), ['banip', '203.0.113.77']);
});

test('whoever opens metrics to others is warned by --check', async () => {
  await fleet.server.stop();
  const toml = readFileSync(fleet.server.paths.serverConfig, 'utf8');
  writeFileSync(fleet.server.paths.serverConfig, toml.replace('127.0.0.1:0', '0.0.0.0:9188'));
  const { code, stderr } = await fleet.server.command('--check');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /http:\/\/0\.0\.0\.0:9188\/metrics is open to whoever reaches/);
});
