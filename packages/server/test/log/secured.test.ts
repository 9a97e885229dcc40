import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Folder } from '../../../../test/fleet/index.ts';
import { Postgres, postgresSkip } from '../../../../test/fleet/database/postgres.ts';
import { within } from '../../../../test/fleet/within.ts';
import { LOG_START } from '../../src/log/log.ts';
import type { PostgresLog } from '../../src/log/postgres-log.ts';
import { draft, logAt, ours, until, type Differs } from './logs.ts';

const skip = postgresSkip();

const folder = new Folder();
let started: Promise<Postgres> | undefined;
after(async () => {
  folder[Symbol.dispose]();
  await (await started)?.[Symbol.asyncDispose]();
});

/** One for all of this file, with a certificate of an authority of its own for the name localhost. */
function postgres(): Promise<Postgres> {
  return (started ??= (async () => {
    const made = await Postgres.start();
    const [key, certificate] = [join(folder.path, 'db.key'), join(folder.path, 'db.pem')];
    const named = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const words = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ];
    execFileSync('openssl', [...words, ...named, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    made.lay('server.key', readFileSync(key));
    made.lay('server.crt', readFileSync(certificate));
    made.set({ ssl: 'on' });
    made.sql("CREATE ROLE keeper LOGIN PASSWORD 'geheim'");
    made.sql('GRANT CREATE ON SCHEMA public TO keeper', 'banshare');
    return made;
  })());
}

function passwordFile(content: string, mode = 0o600): string {
  const path = join(folder.path, `password-${mode}-${content.length}`);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

/** Why a log is not to be had. */
async function faultAt(url: string, differs: Differs = {}): Promise<string> {
  const log = logAt(url, differs);
  await until(log, () => log.health().fault?.message.includes('so far') === false);
  const { fault } = log.health();
  await log.close();
  return `${fault?.code}: ${fault?.message}`;
}

/** Waits for a log that is to be had. */
async function found(log: PostgresLog): Promise<PostgresLog> {
  await until(log, () => log.health().at !== undefined);
  return log;
}

test(
  'the password comes from a file of mode 0600, is read anew each time, and is in no fault',
  { skip },
  async () => {
    const made = await postgres();
    made.ask('host all keeper 127.0.0.1/32 scram-sha-256');
    const url = `postgres://keeper@127.0.0.1:${made.port}/banshare`;
    const wrong = await faultAt(url, { passwordFile: passwordFile('geheimer') });
    assert.match(wrong, /^refused: .*password authentication failed for user "keeper" \(is it the password/);
    assert.doesNotMatch(wrong, /geheim/);
    assert.match(await faultAt(url), /^refused: .*password-file/);
    assert.match(
      await faultAt(`${url}s`, { passwordFile: passwordFile('geheim') }),
      /"banshares" does not exist \(make it there: CREATE DATABASE/,
    );
    const open = { passwordFile: passwordFile('geheim', 0o640) };
    assert.match(await faultAt(url, open), /^refused: .*must be 0600, it is 0640/);
    const file = passwordFile('not this one\n');
    const log = logAt(url, { passwordFile: file });
    // Whoever moves a ledger and waits for the database need not wait for another password.
    const refused = assert.rejects(log.found(600_000), /password authentication failed for user "keeper"/);
    await within(refused, 20_000, () => 'the refusal, at once');
    writeFileSync(file, 'geheim\n');
    await found(log);
    ours(await log.append(draft('one'), LOG_START));
    await log.close();
    made.sql('DROP TABLE log, snapshots, parts', 'banshare');
  },
);

test(
  'no password is told in the clear to whoever asks for it, but over a way that is proven',
  { skip },
  async () => {
    const made = await postgres();
    made.ask('host all keeper 127.0.0.1/32 password');
    const at = `keeper@localhost:${made.port}/banshare`;
    const secret = { passwordFile: passwordFile('geheim') };
    const proven = `postgres://${at}?sslmode=verify-full&sslrootcert=${folder.path}/db.pem`;
    await (await found(logAt(proven, secret))).close();
    assert.match(await faultAt(`postgres://${at}?sslmode=require`, secret), /in the clear/);
  },
);

test('a database is believed by its certificate, for its name, or not at all', { skip }, async () => {
  const made = await postgres();
  made.ask('hostssl all keeper 127.0.0.1/32 trust', 'hostnossl all keeper 127.0.0.1/32 reject');
  const urlOf = (host: string, more: string): string =>
    `postgres://keeper@${host}:${made.port}/banshare?${more}`;
  const trusted = `sslrootcert=${folder.path}/db.pem`;
  await (await found(logAt(urlOf('localhost', `sslmode=verify-full&${trusted}`)))).close();
  await (await found(logAt(urlOf('127.0.0.1', `sslmode=verify-ca&${trusted}`)))).close();
  await (await found(logAt(urlOf('127.0.0.1', 'sslmode=require')))).close();
  assert.match(
    await faultAt(urlOf('127.0.0.1', `sslmode=verify-full&${trusted}`)),
    /^away: .*does not match/,
  );
  assert.match(await faultAt(urlOf('localhost', 'sslmode=verify-full')), /^away: .*self-signed/);
  assert.match(await faultAt(urlOf('127.0.0.1', 'sslmode=disable')), /^refused: .*rejects connection/);
});

test(
  'root tells a database no password that the user whose folder that lies in may not read',
  { skip: process.getuid?.() === 0 ? false : 'needs root, which has other users' },
  async () => {
    const told: string[] = [];
    const peers = new Set<Socket>();
    // It asks for the password in the clear, as a database of this machine may.
    const database = createServer((peer) => {
      peers.add(peer.on('error', () => undefined));
      peer.once('data', () => {
        peer.on('data', (bytes) => {
          told.push(bytes.toString('latin1'));
          peer.end();
        });
        peer.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
      });
    }).listen(0, '127.0.0.1');
    await once(database, 'listening');
    // A peer that is told nothing waits for as long.
    using ends = new DisposableStack();
    ends.defer(() => void database.close());
    ends.defer(() => peers.forEach((peer) => peer.destroy()));
    const url = `postgres://keeper@127.0.0.1:${(database.address() as AddressInfo).port}/banshare`;
    const theirs = join(folder.path, 'theirs');
    mkdirSync(theirs);
    chmodSync(folder.path, 0o755);
    const [own, link] = [join(theirs, 'own'), join(theirs, 'link')];
    writeFileSync(own, 'of-theirs', { mode: 0o600 });
    symlinkSync(passwordFile('of-root-alone'), link);
    for (const path of [theirs, own]) chownSync(path, 4242, 4242);
    await faultAt(url, { passwordFile: own });
    assert.match(told.join(), /of-theirs/);
    assert.match(await faultAt(url, { passwordFile: link }), /^refused: .*EACCES/);
    assert.doesNotMatch(told.join(), /of-root-alone/);
  },
);
