import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { parsePublication } from '@banshare/protocol';
import { startFleet, untilAnswered, within } from '../../../../../test/fleet/index.ts';
import { Postgres, postgresSkip } from '../../../../../test/fleet/database/postgres.ts';
import { SCHEMA } from '../../../src/ledger/schema.ts';
import { parseSecret } from '../../../src/log/seal.ts';
import { logAt } from '../../log/logs.ts';
import { publish, reportOf } from '../../reports.ts';

const skip = postgresSkip();

/** Appends what a server of the next version would, which alters this one's tables before. */
async function appendAsNewer(postgres: Postgres, secretFile: string): Promise<void> {
  const secret = parseSecret(readFileSync(secretFile, 'utf8'));
  assert.ok(secret.ok);
  const log = logAt(postgres.url, { secret: secret.value });
  const draft = { schema: SCHEMA + 1, kind: 'changeset', data: Buffer.from('of other tables') } as const;
  const append = async (): Promise<true | undefined> => {
    const last = postgres.sql("SELECT n, encode(token, 'hex') FROM log ORDER BY n DESC LIMIT 1", 'banshare');
    const [n, token = ''] = last.trim().split('|');
    // Until its database is found, and while the server itself appends.
    const appended = await log.append(draft, { n: Number(n), token }).catch(() => undefined);
    return appended?.outcome === 'ours' ? true : undefined;
  };
  try {
    await untilAnswered(append, 20_000, () => 'the entry of the newer server');
  } finally {
    await log.close();
  }
}

/** Whether nothing listens at a port of this machine. */
function isShut(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
  return promise.finally(() => socket.destroy());
}

test(
  'a server that meets an entry of a newer program says that it is stale, then closes both ports, and status, its log and a start say what to install',
  { skip },
  async () => {
    await using postgres = await Postgres.start();
    await using fleet = await startFleet({});
    const { server } = fleet;
    const peer = await fleet.peer('h1');
    await publish(peer, '203.0.113.1');
    await server.says('ledger', 'move', postgres.url, '--durability', 'none');
    await server.restart(`[ledger]\nlog = "${postgres.url}"\ndurability = "none"`);
    const subscription = peer.subscribe();
    await appendAsNewer(postgres, server.paths.ledgerSecret);
    for (let isStale = false; !isStale;) {
      const message = await within(subscription.receive(), 10_000, () => 'a heartbeat that says stale');
      const read = parsePublication(message?.subject ?? '', message?.body ?? '');
      isStale = read.ok && read.value.kind === 'heartbeat' && read.value.heartbeat.stale === true;
    }
    // Whoever has not gone yet is told to come again.
    const refused = await peer.ask(reportOf(peer, '203.0.113.2'));
    assert.ok(refused.ok && refused.reply.status === 'RETRY');
    await server.line(/install the banshare-server of the other servers here too/);
    await server.line(/Closed the ports/);
    const { report, publish: published } = server.ports;
    const areShut = async (): Promise<true | undefined> =>
      (await isShut(report)) && (await isShut(published)) ? true : undefined;
    await untilAnswered(areShut, 20_000, () => 'ports that are shut');
    const status = await server.command('status');
    assert.equal(status.code, 1);
    assert.match(
      status.stdout,
      new RegExp(
        `^URGENT: This server takes nothing more .* version ${SCHEMA + 1}, .* up to ${SCHEMA}; install .* its ports are closed`,
        'm',
      ),
    );
    assert.match(await server.says('bans'), /203\.0\.113\.1/);
    subscription.close();
    assert.equal(await server.stop(), 0);
    server.launch();
    assert.notEqual(await server.ended, 0);
    assert.match(server.said.join('\n'), /Cannot serve: .*install the banshare-server of the other servers/);
  },
);
