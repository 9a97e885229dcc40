import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { hostPaths } from '@banshare/runtime';
import { isOpen } from '../../packages/server/test/generations.ts';
import { startFleet, within } from '../fleet/index.ts';

// A socket of the test's own stands for systemd, and its systemd-notify for itself. Node has no datagrams of unix sockets.
const LISTENS = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    print(s.recv(4096).decode().replace('\\n', ' '), flush=True)
`;
const OLDER = join(import.meta.dirname, '../../packages/server/test/ledger-of-version-3.sql');
const NOWHERE = '[ledger]\nlog = "postgres://nobody@127.0.0.1:1/nowhere?sslmode=disable"\n';
const missing = ['/usr/bin/systemd-notify', '/usr/bin/python3'].filter((file) => !existsSync(file));
const skip =
  missing.length === 0 ? false : `${missing.join(', ')} is not there (Debian packages: systemd, python3)`;

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());

class Systemd implements AsyncDisposable {
  readonly socket: string;
  readonly #process;
  readonly #lines: AsyncIterator<string>;

  constructor(socket: string) {
    this.socket = socket;
    this.#process = spawn('/usr/bin/python3', ['-c', LISTENS, socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  /** What comes next, but for what systemd-notify sends to know that it was read. */
  async next(): Promise<string> {
    const line = async (): Promise<string> => {
      for (;;) {
        const each = (await this.#lines.next()) as IteratorResult<string, undefined>;
        if (each.value === undefined) throw new Error('the socket is gone');
        if (!each.value.includes('BARRIER=1')) return each.value;
      }
    };
    return within(line(), 20_000, () => 'a word to systemd');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await once(this.#process, 'close');
  }
}

test(
  'the server says that it is ready once its ports are open, and again and again that its loop turns',
  { skip },
  async () => {
    await using systemd = new Systemd(join(fleet.server.root, 'notify.sock'));
    assert.equal(await systemd.next(), 'listening');
    await fleet.server.stop();
    fleet.server.launch({ env: { NOTIFY_SOCKET: systemd.socket, WATCHDOG_USEC: '600000' } });
    let word = await systemd.next();
    while (!word.includes('READY=1')) word = await systemd.next();
    assert.match(word, new RegExp(`^MAINPID=${fleet.server.pid} READY=1 WATCHDOG=1 ?$`));
    for (const port of Object.values(fleet.server.ports))
      assert.equal(await isOpen(port), true, 'the ports are open by then');
    assert.match(await systemd.next(), /WATCHDOG=1/);
    assert.match(await systemd.next(), /WATCHDOG=1/);
  },
);

test(
  'a client says that it is ready though no server is there, and goes on where systemd cannot be told',
  { skip },
  async () => {
    await fleet.server.stop();
    await using systemd = new Systemd(join(fleet.server.root, 'notify-client.sock'));
    assert.equal(await systemd.next(), 'listening');
    const host = fleet.layHost('h1');
    host.launch({ env: { NOTIFY_SOCKET: systemd.socket } });
    assert.match(await systemd.next(), /READY=1/);
    assert.equal((await host.command('reload')).code, 0, 'it can be asked by then');
    await host.stop();
    host.launch({ env: { NOTIFY_SOCKET: join(host.root, 'nobody.sock') } });
    await host.line(/Cannot tell systemd that all is well: systemd-notify ended with exit code 1/);
    assert.equal((await host.command('reload')).code, 0);
  },
);

test(
  'before a step of the ledger and while its database is away a server says so to systemd, and that its start takes longer',
  { skip },
  async () => {
    await using systemd = new Systemd(join(fleet.server.root, 'notify-long.sock'));
    assert.equal(await systemd.next(), 'listening');
    await fleet.server.stop();
    const { ledger, ledgerSecret, serverConfig } = hostPaths(fleet.server.root);
    for (const end of ['', '-wal', '-shm']) rmSync(ledger + end, { force: true });
    const older = new DatabaseSync(ledger);
    older.exec(readFileSync(OLDER, 'utf8'));
    older.close();
    fleet.server.launch({ env: { NOTIFY_SOCKET: systemd.socket } });
    assert.match(
      await systemd.next(),
      /EXTEND_TIMEOUT_USEC=3600000000 STATUS=Takes the ledger from version 3 of its tables to \d+: /,
    );
    assert.match(await systemd.next(), /READY=1 WATCHDOG=1 STATUS= ?$/);

    await fleet.server.stop();
    rmSync(ledger, { force: true });
    writeFileSync(ledgerSecret, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    mkdirSync(join(dirname(serverConfig), 'server.d'));
    writeFileSync(join(dirname(serverConfig), 'server.d/log.toml'), NOWHERE);
    fleet.server.launch({ env: { NOTIFY_SOCKET: systemd.socket } });
    assert.match(await systemd.next(), /EXTEND_TIMEOUT_USEC=180000000 STATUS=Waiting for its database: ./);
    assert.equal(
      (await fleet.server.command('--check')).code,
      75,
      'which is not a fault of its configuration',
    );
  },
);
