import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { coveredByMac, encodeReply, parseRequest, type HostName } from '@banshare/protocol';
import {
  answerZap,
  Mac,
  MAC_BYTES,
  makeCurvePair,
  makeIdentity,
  portOf,
  readIncoming,
  ReportPort,
  writeHostKey,
} from '@banshare/transport';
import { keepMacKey } from '@banshare/runtime';
import { Folder, runProgram, type Ran } from '../../../../test/fleet/index.ts';
import { layHostRoot } from '../../../../test/fleet/roots.ts';

// A report port played by the test itself: it tells by what each report was sealed, and may be of an earlier version.
const zap = await answerZap(() => 'admit');
const curve = await makeCurvePair();
const port = new ReportPort();
const endpoint = await port.listen({ domain: 'report', curve, address: '127.0.0.1', port: 0 });
const identity = await makeIdentity();
const mac = new Mac(identity.curve.secretKey, curve.publicKey);
const folder = new Folder();
after(() => {
  zap.close();
  port.close();
  folder[Symbol.dispose]();
});
let takesMac = true;
const sealedBy: string[] = [];
void serve();

async function serve(): Promise<void> {
  for (;;) {
    const frames = await port.receive();
    if (frames === undefined) return;
    const incoming = readIncoming(frames);
    if ('fault' in incoming) continue;
    const request = parseRequest(incoming.subject, incoming.body);
    const id = request.ok ? request.value.id : '';
    const isMac = incoming.signature.length === MAC_BYTES;
    const covered = Buffer.from(coveredByMac(String(incoming.subject), String(incoming.body)));
    const isRefused = isMac && !(takesMac && mac.holds(covered, incoming.signature));
    sealedBy.push(isMac ? 'mac' : 'signature');
    const refused = { status: 'REFUSED', verdict: 'refused', code: 'signature' } as const;
    const accepted = { status: 'OK', verdict: 'accepted' } as const;
    void port.answer(
      incoming.envelope,
      encodeReply({ id, now: Date.now() / 1000, ...(isRefused ? refused : accepted) }),
    );
  }
}

const lines = [
  'server = "127.0.0.1"',
  `report-port = ${portOf(endpoint)}`,
  'publish-port = 2',
  `server-public-key = "${curve.publicKey}"`,
  '',
];
const paths = layHostRoot(folder.path, lines.join('\n'));
writeHostKey(paths.keys.host, identity, 'h1' as HostName);
mkdirSync(dirname(paths.serverAddress), { recursive: true });

/** Reports where the client noted that, and returns by what it was sealed. */
async function report(note: string): Promise<{ ran: Ran; by: string[] }> {
  writeFileSync(paths.serverAddress, note, { mode: 0o600 });
  sealedBy.length = 0;
  const ran = await runProgram('report', ['--root', folder.path, 'fail2ban', 'sshd', '203.0.113.9']);
  return { ran, by: [...sealedBy] };
}

const NOTED = `127.0.0.1 127.0.0.1 mac:${curve.publicKey}\n`;

test('the reporter goes by MAC where the client noted that this server takes it, and signs where nothing is noted', async () => {
  for (const [note, by] of [
    [NOTED, 'mac'],
    ['127.0.0.1 127.0.0.1\n', 'signature'],
    ['', 'signature'],
    [`127.0.0.1 127.0.0.1 mac:${'0'.repeat(40)}\n`, 'signature'],
  ] as const) {
    const reported = await report(note);
    assert.deepEqual([reported.ran.code, reported.ran.stderr, reported.by], [0, '', [by]]);
  }
});

test('the reporter goes by the key that its client kept, and signs where a wrong one lies there', async () => {
  const between = { host: identity.publicHex, server: curve.publicKey };
  for (const [key, by] of [
    [mac.keyHex, ['mac']],
    ['0'.repeat(64), ['mac', 'signature']],
  ] as const) {
    keepMacKey(paths.macKey, between, key);
    const reported = await report(NOTED);
    assert.deepEqual([reported.ran.code, reported.ran.stderr, reported.by], [0, '', by]);
  }
  // Of another key than this host has now.
  keepMacKey(paths.macKey, { ...between, host: '0'.repeat(64) }, '0'.repeat(64));
  assert.deepEqual((await report(NOTED)).by, ['mac']);
});

test('the reporter signs what a server of an earlier version refused by MAC, within the same run', async () => {
  takesMac = false;
  const { ran, by } = await report(NOTED);
  assert.deepEqual([ran.code, ran.stderr, by], [0, '', ['mac', 'signature']]);
});
