import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Folder } from '../../../../test/fleet/roots.ts';
import { handOver } from '../../src/outside/hand-over.ts';
import { callWeb } from '../../src/outside/call-web.ts';
import { mailOf } from '../../src/outside/mail.ts';
import { messageOf } from '../../src/outside/message.ts';
import { receiverOf } from '../../src/outside/receivers.ts';
import { runProgramWith } from '../../src/outside/run-program.ts';

const folder = new Folder();
after(() => folder[Symbol.dispose]());

const POST = { method: 'POST', headers: {}, body: 'x' } as const;
const COMMON = { for: ['urgent'], atMost: { count: 1, withinSeconds: 600 } } as const;
const WHERE = {
  server: 'bans',
  now: () => 1_800_000_000,
  mailSocket: join(folder.path, 'mail.sock'),
};
const hostile = {
  code: 'failing',
  level: 'urgent',
  text: 'web1: 1 failed: a\r\nBcc: all@example.org\u202e',
} as const;
const MESSAGE = messageOf({ news: [hostile], over: [] }, 'bänke', 1_800_000_000);

/** A web server on loopback for one test. */
async function web(listener: RequestListener): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text;
}

function faultOf(result: { ok: boolean; fault?: string }): string {
  assert.equal(result.ok, false);
  return result.fault ?? '';
}

test('a receiver that hangs, refuses, answers 500 or without an end is given up in time, and its path is in no fault', async () => {
  await using hanging = await web(() => undefined);
  await using broken = await web((_, response) => response.writeHead(500).end('secret'));
  await using endless = await web((_, response) => {
    response.writeHead(500);
    const more = (): void => void (response.destroyed || response.write('x'.repeat(65_536), more));
    more();
  });
  const faults = await Promise.all(
    // Only for what hangs the time is over; the others have to be heard before, on any machine.
    [hanging.url, broken.url, endless.url, 'http://127.0.0.1:1'].map(async (url) =>
      faultOf(await callWeb(`${url}/TOKEN`, POST, url === hanging.url ? 300 : 20_000)),
    ),
  );
  for (const [index, pattern] of [
    /no answer within 0\.3 s/,
    /answered 500/,
    /answered 500/,
    /ECONNREFUSED/,
  ].entries())
    assert.match(faults[index] ?? '', pattern);
  assert.doesNotMatch(faults.join(), /TOKEN|secret/);
});

test('a redirect is followed on the same machine, and neither elsewhere nor without an end', async () => {
  const seen: string[] = [];
  await using elsewhere = await web((request, response) => {
    seen.push(`elsewhere ${request.url}`);
    response.end();
  });
  await using here = await web((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const to = request.url === '/moved' ? '/new' : request.url === '/away' ? elsewhere.url : '/round';
    if (request.url === '/new') response.end();
    else response.writeHead(307, { location: to }).end();
  });
  assert.deepEqual(await callWeb(`${here.url}/moved`, POST, 2000), { ok: true, value: 200 });
  assert.match(faultOf(await callWeb(`${here.url}/away`, POST, 2000)), /redirects elsewhere/);
  assert.match(faultOf(await callWeb(`${here.url}/round`, POST, 2000)), /without an end/);
  assert.deepEqual(seen.slice(0, 3), ['POST /moved', 'POST /new', 'POST /away']);
  assert.ok(!seen.some((line) => line.startsWith('elsewhere')));
});

test('webhook and ntfy get what was found, where and which command, with a token that only its file has', async () => {
  const got: { body: string; headers: IncomingMessage['headers'] }[] = [];
  await using server = await web((request, response) => {
    void bodyOf(request).then((body) => {
      got.push({ body, headers: request.headers });
      response.end();
    });
  });
  const tokenFile = join(folder.path, 'token');
  writeFileSync(tokenFile, 'tk_secret\n', { mode: 0o600 });
  for (const kind of ['webhook', 'ntfy'] as const) {
    const receiver = receiverOf({ ...COMMON, kind, url: `${server.url}/topic`, tokenFile }, WHERE);
    assert.doesNotMatch(`${receiver.name} ${receiver.id}`, /topic|secret/);
    assert.equal((await receiver.send(MESSAGE)).ok, true);
  }
  const [hook, ntfy] = got;
  const document = JSON.parse(hook?.body ?? '') as {
    level: string;
    text: string;
    urgent: { code: string }[];
  };
  assert.equal(document.level, 'urgent');
  assert.deepEqual(
    document.urgent.map(({ code }) => code),
    ['failing'],
  );
  assert.match(document.text, /URGENT\n- web1: 1 failed.*\n\n.*banshare-server status/s);
  assert.doesNotMatch(document.text, /\r|\u202e/);
  assert.equal(hook?.headers.authorization, 'Bearer tk_secret');
  assert.equal(ntfy?.headers['priority'], 'urgent');
  assert.equal(ntfy?.headers['title'], 'banshare on b?nke: URGENT: failing');
  chmodSync(tokenFile, 0o644);
  const open = receiverOf({ ...COMMON, kind: 'ntfy', url: server.url, tokenFile }, WHERE);
  assert.match(faultOf(await open.send(MESSAGE)), /mode must be 0600.*banshare-outside/);
});

test('a certificate of nobody that is known is not taken', async () => {
  const { createServer: createTls } = await import('node:https');
  const pem = join(folder.path, 'tls.pem');
  const made = await runProgramWith(
    [
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-keyout',
      pem,
      '-out',
      `${pem}.crt`,
    ],
    '',
    20_000,
  );
  assert.ok(made.ok, 'openssl');
  const server = createTls({ key: readFileSync(pem), cert: readFileSync(`${pem}.crt`) }, (_, response) =>
    response.end(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  assert.match(faultOf(await callWeb(url, POST, 5000)), /self-signed/);
  server.close();
});

test('a program gets the message to read, is killed with its children when it is late, and what it says is in the fault', async () => {
  const file = join(folder.path, 'got');
  const ok = receiverOf({ ...COMMON, kind: 'command', command: `/bin/sh -c 'cat > ${file}'` }, WHERE);
  assert.equal((await ok.send(MESSAGE)).ok, true);
  assert.match(readFileSync(file, 'utf8'), /^banshare on bänke: URGENT: failing\n\nURGENT\n- web1/);
  assert.match(
    faultOf(await runProgramWith(['/bin/sh', '-c', 'sleep 60 & sleep 60'], '', 200)),
    /did not end within 0\.2 s/,
  );
  assert.match(
    faultOf(await runProgramWith(['/bin/sh', '-c', 'echo no >&2; exit 3'], 'x'.repeat(1e6), 5000)),
    /exit code 3: no/,
  );
  assert.match(faultOf(await runProgramWith(['/nonexistent'], '', 5000)), /there is no program/);
});

test('a mail goes to the recipients of the configuration alone, whatever a host says', async () => {
  const script = join(folder.path, 'sendmail');
  writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder.path}/args\ncat > ${folder.path}/mail\n`, {
    mode: 0o755,
  });
  const to = ['ops@example.org', 'night@example.org'];
  const receiver = receiverOf({ ...COMMON, kind: 'mail', to, sendmail: script }, WHERE);
  assert.equal(receiver.name, 'mail ops@example.org, night@example.org');
  assert.equal((await receiver.send(MESSAGE)).ok, true);
  assert.equal(readFileSync(join(folder.path, 'args'), 'utf8'), '-i\n-t\n');
  const mail = readFileSync(join(folder.path, 'mail'), 'utf8');
  const [head = '', body = ''] = mail.split('\n\n');
  assert.match(head, /^To: ops@example\.org, night@example\.org\nSubject: =\?utf-8\?B\?/);
  assert.doesNotMatch(head, /^Bcc/m);
  assert.match(Buffer.from(body, 'base64').toString('utf8'), /web1: 1 failed: a\\u000d\\u000aBcc/);
  assert.match(
    mailOf({ ...MESSAGE, title: 'plain' }, to, 'me@example.org'),
    /^From: banshare <me@example\.org>\n.*\nSubject: plain\n/,
  );
});

/** Who takes mail at a socket, reads it to its end and says one thing. */
async function taker(
  path: string,
  answer: string | undefined,
): Promise<AsyncDisposable & { mails: string[] }> {
  const mails: string[] = [];
  const sockets = new Set<Socket>();
  const server = createSocketServer({ allowHalfOpen: true }, (socket) => {
    let mail = '';
    sockets.add(socket);
    socket.setEncoding('utf8').on('data', (chunk: string) => (mail += chunk));
    socket.on('error', () => undefined);
    socket.on('end', () => {
      mails.push(mail);
      if (answer !== undefined) socket.end(answer);
    });
  }).listen(path);
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { mails, [Symbol.asyncDispose]: stop };
}

test('where somebody waits for mails one is handed over whole, and what becomes of it is said', async () => {
  const to = ['ops@example.org'];
  {
    await using waiting = await taker(WHERE.mailSocket, '0 \n');
    assert.equal((await receiverOf({ ...COMMON, kind: 'mail', to }, WHERE).send(MESSAGE)).ok, true);
    assert.deepEqual(waiting.mails, [mailOf(MESSAGE, to)]);
    // A program that is named is run here all the same.
    const none = { ...COMMON, kind: 'mail', to, sendmail: '/nonexistent' } as const;
    assert.match(faultOf(await receiverOf(none, WHERE).send(MESSAGE)), /there is no program "\/nonexistent"/);
  }
  const path = join(folder.path, 'other.sock');
  for (const [answer, fault] of [
    ['66 cannot read /etc/dma/dma.conf: no\u001b[2J\n', /exit code 66: cannot read .*: no\\u001b\[2J$/],
    ['75 \n', /exit code 75$/],
    ['', /gave no answer: journalctl/],
    ['hello\n', /gave no answer: journalctl/],
  ] as const) {
    await using _ = await taker(path, answer);
    assert.match(faultOf(await handOver(path, 'x'.repeat(1e6), 5000)), fault);
  }
  {
    await using _ = await taker(path, undefined);
    assert.match(faultOf(await handOver(path, 'x', 100)), /did not end within 0\.1 s/);
  }
  assert.match(faultOf(await handOver(path, 'x', 5000)), /nobody takes the mail at .*: systemctl restart/);
});
