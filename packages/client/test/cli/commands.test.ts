import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { HostName } from '@banshare/protocol';
import { hostPaths, type HostPaths } from '@banshare/runtime';
import { makeIdentity, writeHostKey } from '@banshare/transport';
import { mainOf } from '../../../../test/fleet/program.ts';
import { folder } from '../make.ts';

const MAIN = mainOf('client');
const mayMount =
  spawnSync('unshare', ['--mount', 'true']).status === 0 ? false : 'it needs root, to stand in for nft';
const identity = await makeIdentity();

function run(...words: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { code: status, stdout, stderr };
}

/** A host that is enrolled and could run. */
function host(root: string, toml = ''): HostPaths {
  const paths = hostPaths(root);
  mkdirSync(paths.keys.dir, { recursive: true, mode: 0o700 });
  writeHostKey(paths.keys.host, identity, 'web1' as HostName);
  const fleet = `server = "127.0.0.1"\nreport-port = 20001\npublish-port = 20002\nserver-public-key = "${identity.curve.publicKey}"\n`;
  writeFileSync(paths.clientConfig, fleet + toml);
  return paths;
}

for (const words of [['--check'], ['run', '--check']]) {
  test(`${words.join(' ')} exits 0 where configuration and keys are in order`, () => {
    using scratch = folder();
    host(scratch.path);
    assert.deepEqual(run(...words, '--root', scratch.path), {
      code: 0,
      stdout: 'configuration and keys are in order\n',
      stderr: '',
    });
  });

  test(`${words.join(' ')} names the servers where they are several, and refuses a list that names one twice`, () => {
    using scratch = folder();
    const paths = host(scratch.path);
    const toml = readFileSync(paths.clientConfig, 'utf8');
    const knowing = (servers: readonly string[]): ReturnType<typeof run> => {
      const list = `server = ${JSON.stringify(servers)}`;
      writeFileSync(paths.clientConfig, toml.replace('server = "127.0.0.1"', list));
      return run(...words, '--root', scratch.path);
    };
    assert.equal(
      knowing(['a.example.org', '2001:db8::2']).stdout,
      'configuration and keys are in order\nthe servers of this host are a.example.org, 2001:db8::2\n',
    );
    const twice = knowing(['a.example.org', 'a.example.org']);
    assert.equal(twice.code, 78);
    assert.match(
      twice.stderr,
      /Cannot use "server" in .*client\.toml, line 1: it names "a\.example\.org" twice/,
    );
  });

  test(`${words.join(' ')} names every fault at once and exits 78`, () => {
    using scratch = folder();
    const paths = host(
      scratch.path,
      '[apply]\ncommand = "/sbin/ban \'x"\ntime-out = 3\n[follow]\njails = ["a b"]\n',
    );
    chmodSync(`${paths.keys.host}.key_secret`, 0o644);
    const { code, stdout, stderr } = run(...words, '--root', scratch.path);
    assert.deepEqual([code, stdout], [78, '']);
    for (const fault of [
      /"apply\.command".*never closed/,
      /"apply\.time-out".*did you mean "apply\.timeout"/,
      /"follow\.jails"/,
      /must be 0600, it is 0644/,
    ])
      assert.match(stderr, fault);
    assert.ok(
      stderr
        .trim()
        .split('\n')
        .every((line) => line.startsWith('banshare-client: ')),
    );
  });
}

test(
  '--check tries the programs that are fed by standard input once, as they are fed when they ban',
  { skip: mayMount },
  () => {
    using scratch = folder();
    host(scratch.path, '[apply]\nenforcer = "nftables"\n');
    // Instead of this machine's programs: one nft that is what 1.0.9 is, one that may not change the kernel.
    const nft = join(scratch.path, 'nft');
    const check = (says: string): { code: number | null; stderr: string } => {
      writeFileSync(nft, `#!/bin/sh\n${says}\n`, { mode: 0o755 });
      const words = [process.execPath, MAIN, '--check', '--root', scratch.path];
      const inside = 'mount -t tmpfs none /usr/local/sbin && cp "$0" /usr/local/sbin/nft && exec "$@"';
      const options = { encoding: 'utf8' as const };
      const { status, stderr } = spawnSync(
        'unshare',
        ['--mount', 'sh', '-c', inside, nft, ...words],
        options,
      );
      return { code: status, stderr };
    };
    const reads = 'exec </dev/stdin && grep -q "^add table inet banshare_trial$" || exit 1';
    assert.deepEqual(check(reads), { code: 0, stderr: '' });
    const { code, stderr } = check('echo Operation not permitted >&2; exit 1');
    assert.equal(code, 78);
    assert.match(
      stderr,
      /nftables cannot be used: exit 1: Operation not permitted; the client needs CAP_NET_ADMIN/,
    );
  },
);

test('--check says of a command without SRCIP, and of a never-ban list of every address, that they ban nobody, as status does, and exits 0', () => {
  using scratch = folder();
  const command = 'command = "/bin/true"\nunban-command = "/bin/true SRCIP"\n';
  host(scratch.path, `[apply]\n${command}[never-ban]\naddresses = ["::/0"]\n`);
  const { code, stdout, stderr } = run('--check', '--root', scratch.path);
  assert.deepEqual([code, stdout], [0, 'configuration and keys are in order\n'], stderr);
  const [ban = '', never = '', ...others] = stderr.trimEnd().split('\n');
  assert.match(ban, /^banshare-client: \[apply\] command of client\.toml has no SRCIP: .* bans nobody/);
  assert.match(never, /^banshare-client: No address in ::\/0 is banned on this host, /);
  assert.deepEqual(others, []);
  const status = run('status', '--root', scratch.path).stdout;
  for (const line of [ban, never]) assert.ok(status.includes(line.slice('banshare-client: '.length)), status);
});

test('--check wants no key of a host that is not enrolled, and a join key that can be read where there is one', () => {
  using scratch = folder();
  assert.doesNotMatch(run('--check', '--root', scratch.path).stderr, /key_secret/);
  mkdirSync(hostPaths(scratch.path).keys.dir, { recursive: true });
  writeFileSync(`${hostPaths(scratch.path).keys.join}.key_secret`, '', { mode: 0o644 });
  const { code, stderr } = run('--check', '--root', scratch.path);
  assert.equal(code, 78);
  assert.match(stderr, /join\.key_secret.*0600/);
});

test('--check says what to do where the state is of a newer program, also how to go back to the copy of before it', () => {
  using scratch = folder();
  const { clientState } = host(scratch.path);
  mkdirSync(clientState, { recursive: true, mode: 0o700 });
  const state = join(clientState, 'state.db');
  using database = new DatabaseSync(state);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE a (n INTEGER); PRAGMA user_version = 999');
  const { code, stderr } = run('--check', '--root', scratch.path);
  assert.equal(code, 78);
  assert.match(
    stderr,
    /it has version 999, this program knows up to \d+; install the newer banshare-client again\n$/,
  );
  writeFileSync(`${state}.before-999`, '');
  assert.match(
    run('--check', '--root', scratch.path).stderr,
    /again; or put back how it was before, .*mv \S+state\.db\.before-999 \S+state\.db && systemctl start banshare-client\n$/,
  );
  const json = JSON.parse(run('--check', '--json', '--root', scratch.path).stdout) as {
    faults: string[];
    state: { version: number };
  };
  assert.deepEqual([json.faults.length, json.state.version], [1, 999]);
});

for (const words of [['run'], ['--check'], ['status'], ['enrol']]) {
  test(`${words.join(' ')} with a --config that is not there exits 78 and names the file`, () => {
    using scratch = folder();
    const file = join(scratch.path, 'absent.toml');
    const { code, stderr } = run(...words, '--root', scratch.path, '--config', file);
    assert.equal(code, 78);
    assert.match(stderr, /Cannot read .*absent\.toml/);
  });
}

test('The daemon does not start with a faulty configuration', () => {
  using scratch = folder();
  host(scratch.path, 'nmae = "x"\n');
  const { code, stderr } = run('--root', scratch.path);
  assert.equal(code, 78);
  assert.match(stderr, /^banshare-client: Cannot use "nmae" .*did you mean "name"\?\n$/);
});

test('bans and status without a daemon exit 69', () => {
  using scratch = folder();
  host(scratch.path, '[apply]\nenforcer = "none"\n');
  const bans = run('bans', '--json', '--root', scratch.path);
  assert.deepEqual([bans.code, bans.stdout], [69, '']);
  assert.match(bans.stderr, /it is not running.*; systemctl status banshare-client says why/);
  const status = run('status', '--json', '--root', scratch.path);
  assert.equal(status.code, 69);
  const document = JSON.parse(status.stdout) as {
    running: boolean;
    findings: { ok: boolean; says: string }[];
  };
  assert.equal(document.running, false);
  assert.match(
    document.findings.map(({ says }) => says).join(),
    /The report port 20001 of 127\.0\.0\.1 is closed/,
  );
});

test('enrol exits 1 where the server is not there, and 0 on a host that is enrolled', () => {
  using scratch = folder();
  const paths = host(scratch.path);
  const enrolled = run('enrol', '--root', scratch.path);
  assert.deepEqual([enrolled.code, enrolled.stdout], [0, 'This host is enrolled as web1.\n']);
  writeHostKey(paths.keys.host, identity);
  const failed = run('enrol', '--root', scratch.path);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^banshare-client: Not enrolled: /);
});

for (const words of [
  ['bogus'],
  ['--bogus'],
  ['run', '--josn'],
  ['--json'],
  ['status', 'extra'],
  ['bans', '--what'],
]) {
  test(`${words.join(' ')} is a fault of usage: exit 64, a hint and nothing done`, () => {
    const { code, stdout, stderr } = run(...words);
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(stderr, /see banshare-client (?:[a-z]+ )?--help\n$/);
  });
}

test('an answer that a full disk does not take is said, and not believed to be given', () => {
  using scratch = folder();
  host(scratch.path);
  const full = openSync('/dev/full', 'w');
  const words = [MAIN, '--check', '--root', scratch.path];
  const { status, stderr } = spawnSync(process.execPath, words, { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  assert.match(String(stderr), /^banshare-client: Cannot write the answer: ENOSPC[^\n]*\n$/);
  assert.equal(status, 74);
});

for (const program of ['client', 'server', 'report'] as const) {
  test(`banshare-${program} ends with 74 where a full disk does not take its help or version`, () => {
    const main = mainOf(program);
    for (const word of ['-h', '--help', '--version']) {
      const full = openSync('/dev/full', 'w');
      const { status, stderr } = spawnSync(process.execPath, [main, word], {
        stdio: ['ignore', full, 'pipe'],
      });
      closeSync(full);
      assert.match(String(stderr), /^banshare-\w+: [Cc]annot write the answer: ENOSPC[^\n]*\n$/);
      assert.equal(status, 74, word);
    }
  });
}

test('--version and --help answer without any configuration', () => {
  assert.match(run('--version').stdout, /^\d+\.\d+\.\d+/);
  const { code, stdout } = run('--help');
  assert.equal(code, 0);
  for (const word of ['run', 'enrol', 'status', 'bans', '--root', '--config', '--check', '--json'])
    assert.ok(stdout.includes(word), word);
});

test('what the system refuses a command is said in a line, without a stack', () => {
  using scratch = folder();
  const paths = host(scratch.path);
  rmSync(paths.keys.dir, { recursive: true });
  writeFileSync(paths.keys.dir, 'a file where the keys belong');
  for (const words of [['enrol'], ['key']]) {
    const { code, stdout, stderr } = run(...words, '--root', scratch.path);
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, /^banshare-client: [^\n]*(ENOTDIR|EEXIST)[^\n]*\n$/, words.join(' '));
  }
});
