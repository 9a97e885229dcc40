import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPaths } from '@banshare/runtime';
import { Protection, THIS_MACHINE } from '../../src/protection/protect.ts';
import { ServerAddresses } from '../../src/protection/server-addresses.ts';
import { folder, ip } from '../make.ts';

/** The protection of a host whose files lie in a folder. */
function protectionIn(path: string, server = '203.0.113.1'): Protection {
  const paths = hostPaths(path);
  mkdirSync(join(path, 'proc/net'), { recursive: true });
  return new Protection({
    config: {
      addresses: [],
      neverBan: { addresses: [] },
      enforcer: [],
      apply: { missingJail: 'banshare', enforcer: 'fail2ban', command: '' } as ConstructorParameters<
        typeof Protection
      >[0]['config']['apply'],
    },
    paths,
    machine: {
      proc: join(path, 'proc'),
      passwd: join(path, 'passwd'),
      resolvers: THIS_MACHINE.resolvers.map((each) => join(path, each)),
    },
    server: new ServerAddresses([server], paths),
    fault: (_, text) => assert.fail(text),
  });
}

test('The resolvers behind a stub of this host are protected as well', () => {
  using scratch = folder();
  for (const each of ['etc', 'run/systemd/resolve', 'run/NetworkManager'])
    mkdirSync(join(scratch.path, each), { recursive: true });
  const write = (path: string, text: string): void => writeFileSync(join(scratch.path, path), text);
  write('etc/resolv.conf', 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org\n');
  write(
    'run/systemd/resolve/resolv.conf',
    '# by systemd\nnameserver 203.0.113.53\nnameserver 2001:db8::53\n',
  );
  write('run/NetworkManager/no-stub-resolv.conf', 'nameserver 203.0.113.54\n');
  const protection = protectionIn(scratch.path);
  for (const each of ['203.0.113.53', '2001:db8::53', '203.0.113.54', '64:ff9b::203.0.113.53'])
    assert.equal(protection.ruleFor(ip(each), 'sshd')?.text, 'a resolver of this host', each);
  assert.equal(protection.ruleFor(ip('203.0.113.55'), 'sshd'), undefined);
});

test('The server is protected in every jail, also in the form that embeds its address', () => {
  using scratch = folder();
  const protection = protectionIn(scratch.path);
  for (const jail of ['sshd', 'banshare'])
    for (const each of ['203.0.113.1', '2002:cb00:7101::1'])
      assert.equal(protection.ruleFor(ip(each), jail)?.text, 'the banshare server', each);
  assert.ok(protection.all().some(({ what }) => what === '203.0.113.1'));
});
