import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDatabaseUrl } from '../../src/log/database-url.ts';

function read(url: string): unknown {
  const location = parseDatabaseUrl(url);
  return location.ok ? location.value : location.fault;
}

test('a URL names all machines of the database, each with its port, and who comes to which of its databases', () => {
  assert.deepEqual(read('postgres://a.example.org,b.example.org:6432,[2001:db8::1],[2001:db8::2]:7/bans'), {
    hosts: [
      { host: 'a.example.org', port: 5432 },
      { host: 'b.example.org', port: 6432 },
      { host: '2001:db8::1', port: 5432 },
      { host: '2001:db8::2', port: 7 },
    ],
    user: 'banshare',
    database: 'bans',
    sslMode: 'verify-full',
    rootCertificate: undefined,
  });
  assert.deepEqual(read('postgresql://some%20one@db?sslmode=verify-ca&sslrootcert=/etc/ssl/db.pem'), {
    hosts: [{ host: 'db', port: 5432 }],
    user: 'some one',
    database: 'banshare',
    sslMode: 'verify-ca',
    rootCertificate: '/etc/ssl/db.pem',
  });
});

test('a database on another machine has to show a certificate for its name unless the URL says otherwise', () => {
  const modeOf = (url: string): unknown => (read(url) as { sslMode: unknown }).sslMode;
  assert.equal(modeOf('postgres://db.example.org/banshare'), 'verify-full');
  assert.equal(modeOf('postgres://127.0.0.1,db.example.org/banshare'), 'verify-full');
  assert.equal(modeOf('postgres://127.0.0.1:5433,[::1],localhost/banshare'), 'disable');
  assert.equal(modeOf('postgres://127.0.0.1/banshare?sslmode=verify-full'), 'verify-full');
  assert.equal(modeOf('postgres://db.example.org/banshare?sslmode=disable'), 'disable');
});

test('a URL with a password in it is refused, and its fault does not tell it', () => {
  for (const url of [
    'postgres://me:geheim@db/x',
    'postgres://:geheim@db/x',
    'postgres://db/x?password=geheim',
  ]) {
    assert.match(String(read(url)), /password-file/);
    assert.doesNotMatch(String(read(url)), /geheim/);
  }
});

test('what is no such URL is refused, with what is wrong in it', () => {
  const faults: [string, RegExp][] = [
    ['mysql://db/x', /^must be like/],
    ['db.example.org', /^must be like/],
    ['postgres:///x', /"" where a host/],
    ['postgres://a,,b/x', /"" where a host/],
    ['postgres://a b/x', /"a b" where a host/],
    ['postgres://a:0/x', /^has "a:0", and a port is from 1 to 65535$/],
    ['postgres://a:99999/x', /"a:99999"/],
    ['postgres://2001:db8::1/x', /where a host/],
    ['postgres://a/%zz', /begins no character/],
    ['postgres://a/x?sslmode=prefer', /"prefer": it must be disable, require, verify-ca, verify-full/],
    ['postgres://a/x?sslrootcert=db.pem', /no path from/],
    ['postgres://a/x?target_session_attrs=any', /"target_session_attrs", which is not known/],
  ];
  for (const [url, fault] of faults) assert.match(String(read(url)), fault, url);
});
