import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { request as overPlain } from 'node:http';
import { request as overTls, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { startFleet, startPage } from '../../../../test/fleet/index.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());

type Answer = { status: number | undefined; said: string; cookies: readonly string[] };

function ask(options: RequestOptions & { isPlain?: boolean }, body = ''): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asked = (options.isPlain === true ? overPlain : overTls)(options, (answer) => {
    const { statusCode: status, headers } = answer;
    text(answer).then((said) => resolve({ status, said, cookies: headers['set-cookie'] ?? [] }), reject);
  });
  asked.on('error', reject).end(body);
  return promise;
}

test('behind a proxy at a unix socket its header says who somebody is, and so says the audit log', async () => {
  const socketPath = join(fleet.server.root, 'page.sock');
  await fleet.server.restart(
    `[web]\nlisten = "unix:${socketPath}"\nnames = ["bans.example.org"]\nuser-header = "X-Remote-User"\nacts = true\n`,
  );
  await using page = await startPage(fleet.server);
  assert.equal(page.address, 'https://bans.example.org');
  assert.equal(statSync(socketPath).mode & 0o777, 0o660);
  const host = 'bans.example.org';
  const as = (user: string, path: string) =>
    ask({ isPlain: true, socketPath, path, headers: { host, 'X-Remote-User': user } });
  const inside = await as('anna', '/');
  assert.equal(inside.status, 200);
  for (const nobody of ['', '<script>', 'a'.repeat(41)]) {
    const { status, said } = await as(nobody, '/');
    assert.equal(status, 401, nobody);
    assert.match(said, /Come in by the proxy/);
  }
  const token = /name="token" value="([^"]+)"/.exec(inside.said)?.[1] ?? '';
  const form = {
    isPlain: true,
    socketPath,
    path: '/act/ban',
    method: 'POST',
    headers: {
      host,
      origin: `https://${host}`,
      'X-Remote-User': 'anna',
      'content-type': 'application/x-www-form-urlencoded',
    },
  };
  // The token is anna's: who is named otherwise has another.
  const stolen = { ...form, headers: { ...form.headers, 'X-Remote-User': 'ben' } };
  assert.equal((await ask(stolen, `token=${token}&ip=203.0.113.9`)).status, 403);
  assert.equal((await ask(form, `token=${token}&ip=203.0.113.9`)).status, 303);
  const { entries } = await fleet.server.json<{ entries: { details: object }[] }>('audit');
  assert.partialDeepStrictEqual(entries.at(-1), { details: { ip: '203.0.113.9', by: 'anna', way: 'page' } });
});

test('with a certificate the page speaks TLS alone, and its cookie goes no other way', async () => {
  const [cert, key] = ['page.crt', 'page.key'].map((name) => join(fleet.server.root, name));
  const words = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost';
  const san = ['-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', ['req', '-x509', ...words.split(' '), ...san, '-keyout', key!, '-out', cert!], {
    stdio: 'ignore',
  });
  await fleet.server.restart(
    `[web]\nlisten = "127.0.0.1:0"\ntls-certificate = "${cert}"\ntls-key = "${key}"\n`,
  );
  await using page = await startPage(fleet.server);
  const { port, protocol } = new URL(page.address);
  assert.equal(protocol, 'https:');
  const code = (await page.link('anna')).split('#')[1] ?? '';
  const headers = {
    host: `localhost:${port}`,
    origin: `https://localhost:${port}`,
    'content-type': 'application/x-www-form-urlencoded',
  };
  const options = { host: '127.0.0.1', servername: 'localhost', port, ca: readFileSync(cert!), headers };
  const { status, cookies } = await ask({ ...options, path: '/enter', method: 'POST' }, `code=${code}`);
  assert.equal(status, 303);
  assert.match(cookies[0] ?? '', /; Secure/);
  await assert.rejects(ask({ isPlain: true, host: '127.0.0.1', port, headers }));
});

test('where others could reach the page without TLS it does not start, and says what to do', async () => {
  await fleet.server.restart('[web]\nlisten = "0.0.0.0:0"\nnames = ["bans.example.org"]\n');
  const { code, stderr } = await fleet.server.command('web');
  assert.equal(code, 78);
  assert.match(
    stderr,
    /allow-public = true, tls-certificate and tls-key; or leave it at loopback and use ssh -L/,
  );
});
