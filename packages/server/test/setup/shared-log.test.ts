import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { hostPaths, type ServerConfig } from '@banshare/runtime';
import { Folder } from '../../../../test/fleet/index.ts';
import { readSharedLog } from '../../src/setup/shared-log.ts';

const folder = new Folder();
after(() => folder[Symbol.dispose]());
const paths = hostPaths(folder.path);
mkdirSync(dirname(paths.ledgerSecret), { recursive: true });
const password = join(folder.path, 'password');
writeFileSync(password, 'geheim\n', { mode: 0o600 });

function read(ledger: Partial<ServerConfig['ledger']>): unknown {
  const none = {
    keepSeconds: 1,
    keepEvidenceSeconds: 1,
    log: undefined,
    durability: 'standby',
    passwordFile: undefined,
  } as const;
  const shared = readSharedLog({ ledger: { ...none, ...ledger } }, paths);
  return 'faults' in shared ? shared.faults : shared.log;
}

function laySecret(text: string, mode = 0o600): void {
  writeFileSync(paths.ledgerSecret, text);
  chmodSync(paths.ledgerSecret, mode);
}

test('without [ledger] log there is none, and nothing is needed for it', () => {
  assert.equal(read({}), undefined);
});

test('a shared log has its location, its secret and its durability', () => {
  laySecret(`${'ab'.repeat(32)}\n`);
  const { secret, durability, passwordFile, location } = read({
    log: 'postgres://a,b/banshare',
    durability: 'provider',
    passwordFile: password,
  }) as Record<string, unknown>;
  assert.deepEqual(secret, Buffer.alloc(32, 0xab));
  assert.deepEqual([durability, passwordFile], ['provider', password]);
  assert.equal((location as { hosts: unknown[] }).hosts.length, 2);
});

test('every fault of it is named at once, and no secret in them', () => {
  const faultsOf = (ledger: Partial<ServerConfig['ledger']>): string => (read(ledger) as string[]).join('\n');
  assert.match(
    faultsOf({ passwordFile: password }),
    /password-file .*\[ledger\] log, whose password that is, is missing/,
  );
  assert.match(faultsOf({ log: 'postgres://me:geheim@a/x' }), /\[ledger\] log .*must not hold a password/);
  laySecret('ab'.repeat(32), 0o640);
  chmodSync(password, 0o644);
  const log = 'postgres://a/banshare?sslrootcert=/nonexistent/ca.pem';
  const faults = faultsOf({ log, passwordFile: password });
  assert.match(faults, /password-file .*its mode must be 0600, it is 0644/);
  assert.match(faults, /sslrootcert .*ENOENT/);
  assert.match(faults, /ledger\.secret.* its mode must be 0600, it is 0640.*ledger move makes/);
  assert.doesNotMatch(faults, /geheim|abab/);
  laySecret('abab is too short');
  assert.match(faultsOf({ log: 'postgres://a/x' }), /must be 64 hex digits/);
  assert.doesNotMatch(faultsOf({ log: 'postgres://a/x' }), /abab/);
});
