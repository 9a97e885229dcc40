import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readClientConfig, readServerConfig } from '@banshare/runtime';

function file(t: TestContext, content: string): string {
  const directory = mkdtempDisposableSync(join(tmpdir(), 'banshare-config-'));
  t.after(() => directory.remove());
  const path = join(directory.path, 'x.toml');
  writeFileSync(path, content);
  return path;
}

test('readServerConfig() has a default for everything where there is no file', async () => {
  assert.deepEqual(await readServerConfig('/nonexistent/server.toml'), {
    ok: true,
    files: [],
    config: {
      listen: { address: '*', reportPort: undefined, publishPort: undefined },
      dedupe: { windowSeconds: 300 },
      bans: {
        defaultDurationSeconds: 86_400,
        maxDurationSeconds: 2_592_000,
        escalation: [],
        ipv6Prefix: 128,
      },
      quorum: [],
      metrics: { listen: undefined },
      neverBan: { addresses: [], fleet: true },
      limits: { hostPerMinute: 60, hostBurst: 200, fleetPerMinute: 600, active: 500_000 },
      enrolment: { mode: 'open', goneAfterSeconds: 604_800, perMinute: 120 },
      backup: { to: undefined, keep: 7, command: undefined },
      drill: { everySeconds: undefined, limitSeconds: 2 },
      enrich: { mmdb: undefined },
      ledger: {
        keepEvidenceSeconds: 604_800,
        keepSeconds: 7_776_000,
        log: undefined,
        durability: 'standby',
        passwordFile: undefined,
      },
      web: {
        listen: { address: '127.0.0.1', port: 9180 },
        acts: false,
        names: [],
        userHeader: undefined,
        allowPublic: false,
        tlsCertificate: undefined,
        tlsKey: undefined,
      },
      notify: [],
      deadMan: { url: undefined, urlFile: undefined },
      log: { level: 'notice', format: 'text' },
    },
  });
});

test('readClientConfig() has a default for everything where there is no file', async () => {
  assert.deepEqual(await readClientConfig('/nonexistent/client.toml'), {
    ok: true,
    files: [],
    config: {
      name: undefined,
      addresses: [],
      server: undefined,
      reportPort: undefined,
      publishPort: undefined,
      serverPublicKey: undefined,
      follow: { jails: ['*'], progs: ['*'] },
      apply: {
        enforcer: 'command',
        command: '/usr/bin/fail2ban-client set JAIL banip SRCIP',
        unbanCommand: '/usr/bin/fail2ban-client set JAIL unbanip SRCIP',
        missingJail: 'banshare',
        timeoutSeconds: 30,
        ownReports: false,
        concurrency: 4,
        reconcileSeconds: 300,
        logFile: '/var/log/shared.log',
        maxActive: undefined,
        jails: new Map(),
      },
      enforcer: [],
      metrics: { listen: undefined },
      neverBan: { addresses: [] },
      report: { timeoutSeconds: 2, evidence: false, spoolMax: 10_000, spoolMaxAgeSeconds: 604_800 },
      log: { level: 'notice', format: 'text' },
    },
  });
});

test('readServerConfig() fails for a file that was asked for and is not there', async () => {
  const read = await readServerConfig('/nonexistent/server.toml', { mustExist: true });
  assert.deepEqual(read, {
    ok: false,
    faults: [
      "Cannot read /nonexistent/server.toml: ENOENT: no such file or directory, open '/nonexistent/server.toml'",
    ],
    code: 'ENOENT',
  });
});

test('readClientConfig() reads every kind of option', async (t) => {
  const path = file(
    t,
    `name = "web1"
addresses = ["2001:DB8::1"]
server = "127.0.0.1"
report-port = 20001
[apply]
command = "/bin/echo 'a b' SRCIP"
timeout = "1m"
own-reports = true
[apply.jails]
"fail2ban/sshd" = "ssh"
"*" = "banshare"
[report]
spool-max = 5
[log]
format = "json"
`,
  );
  const read = await readClientConfig(path);
  assert.ok(read.ok, JSON.stringify(read));
  const { config } = read;
  assert.equal(config.name, 'web1');
  assert.deepEqual(config.addresses, ['2001:db8::1']);
  assert.equal(config.reportPort, 20_001);
  assert.equal(config.apply.timeoutSeconds, 60);
  assert.equal(config.apply.ownReports, true);
  assert.deepEqual(
    [...config.apply.jails],
    [
      ['fail2ban/sshd', 'ssh'],
      ['*', 'banshare'],
    ],
  );
  assert.equal(config.report.spoolMax, 5);
  assert.equal(config.log.format, 'json');
});

test('readClientConfig() names every fault at once, with the file and what was meant', async (t) => {
  const path = file(
    t,
    `nmae = "web1"
timeout = "3s"
log = 3
follow.jails = ["a b"]
[apply]
comand = "x"
concurrency = 0
[fllow]
jails = []
[listen]
address = "*"
`,
  );
  const read = await readClientConfig(path);
  assert.deepEqual(read.ok ? [] : read.faults, [
    `Cannot use "nmae" in ${path}, line 1: there is no such option; did you mean "name"?`,
    `Cannot use "timeout" in ${path}, line 2: there is no such option; did you mean "apply.timeout"?`,
    `Cannot use "log" in ${path}, line 3: it must be a section, written [log]`,
    `Cannot use "apply.comand" in ${path}, line 6: there is no such option; did you mean "apply.command"?`,
    `Cannot use "fllow" in ${path}, line 8: there is no such section; did you mean [follow]?`,
    `Cannot use "listen" in ${path}, line 10: there is no such option; did you mean "metrics.listen"?`,
    `Cannot use "follow.jails" in ${path}, line 4: it has a wrong item 1: it cannot be used: "a b" is not a jail name: it must be 1 to 64 letters, digits, "_", "." or "-", and begin with a letter or digit`,
    `Cannot use "apply.concurrency" in ${path}, line 7: it must be a whole number from 1 to 64, not 0`,
  ]);
});

const broken: [what: string, content: string, fault: RegExp][] = [
  ['no TOML', 'x = [1,\ny', /^Cannot read \S+: line 2, column \d+: \S.*$/],
  ['a key twice', 'name = "a"\nname = "b"', /line 2/],
  ['a number beyond exactness', 'report-port = 99999999999999999999', /line 1/],
  ['a prototype for a section', '[__proto__]\nx = 1', /Cannot use "__proto__"/],
  ['an inherited name for an option', 'toString = 1', /Cannot use "toString"/],
  [
    'one port twice',
    'report-port = 20001\npublish-port = 20001',
    /"publish-port" in .*: "report-port" is the same port/,
  ],
];
for (const [what, content, fault] of broken) {
  test(`readClientConfig() refuses ${what} in one line`, async (t) => {
    const read = await readClientConfig(file(t, content));
    assert.ok(!read.ok);
    assert.equal(read.faults.length, 1);
    assert.match(read.faults[0] ?? '', fault);
    assert.doesNotMatch(read.faults[0] ?? '', /\n/);
  });
}

const contradictions: [content: string, fault: RegExp | undefined][] = [
  ['bans.default-duration = "31d"', /"bans.default-duration" in .* is longer than "bans.max-duration"/],
  ['bans.default-duration = "-1"', /is longer/],
  ['bans.default-duration = "-1"\nbans.max-duration = -1', undefined],
  ['listen.report-port = 20001\nlisten.publish-port = 20001', /is the same port/],
  ['listen.report-port = 0\nlisten.publish-port = 0', undefined],
];
for (const [content, fault] of contradictions) {
  test(`readServerConfig() ${fault ? 'refuses' : 'takes'} ${content.replace('\n', ' and ')}`, async (t) => {
    const read = await readServerConfig(file(t, content));
    assert.equal(read.ok, fault === undefined);
    if (fault !== undefined) assert.match(read.ok ? '' : read.faults.join(), fault);
  });
}

test('readServerConfig() says why a file cannot be read', async (t) => {
  const path = file(t, '');
  chmodSync(path, 0o755);
  const read = await readServerConfig(join(path, '..'));
  assert.match(read.ok ? '' : read.faults.join(), /^Cannot read .*EISDIR/);
});

test('readServerConfig() reads server.d beside server.toml in the order of names, and a later file decides for a whole key', async (t) => {
  const path = file(
    t,
    '[limits]\nactive = 5\nhost-burst = 6\n[[quorum]]\nprog = "psad"\n[[quorum]]\nprog = "x"\n',
  );
  const folder = path.replace('x.toml', 'x.d');
  mkdirSync(folder);
  writeFileSync(join(folder, '20.toml'), '[limits]\nactive = 7\n[[quorum]]\nprog = "y"\n');
  writeFileSync(join(folder, '10.toml'), 'limits.active = 9\nledger.keep = "30d"\n');
  writeFileSync(join(folder, 'README'), 'no toml');
  writeFileSync(join(folder, '.20.toml.swp.toml'), 'no toml');
  const read = await readServerConfig(path);
  assert.ok(read.ok);
  assert.deepEqual(read.files, [path, join(folder, '10.toml'), join(folder, '20.toml')]);
  const { limits, quorum, ledger } = read.config;
  assert.deepEqual([limits.active, limits.hostBurst, ledger.keepSeconds], [7, 6, 30 * 86_400]);
  assert.deepEqual(
    quorum.map(({ prog }) => prog),
    ['y'],
  );
});

test('readServerConfig() takes server.d also where there is no server.toml, and names in each fault the file and line that set the key', async (t) => {
  const path = join(file(t, ''), '../server.toml');
  const folder = join(path, '../server.d');
  mkdirSync(folder);
  writeFileSync(join(folder, 'a.toml'), '[bans] # how long\nmax-duration = "1h"\n\n[limits]\n  active = 0\n');
  writeFileSync(join(folder, 'b.toml'), '"dedupe" . window = "0s"\nlimits = { host-burst = 0 }\n');
  const faults = async (): Promise<readonly string[]> => {
    const read = await readServerConfig(path);
    return read.ok ? [] : read.faults.map((fault) => fault.replaceAll(folder, ''));
  };
  assert.deepEqual(await faults(), [
    'Cannot use "dedupe.window" in /b.toml, line 1: it must be longer than nothing',
    'Cannot use "limits.host-burst" in /b.toml: it must be a whole number from 1 to 1000000, not 0',
    'Cannot use "limits.active" in /a.toml, line 5: it must be a whole number from 1 to 10000000, not 0',
  ]);
  writeFileSync(join(folder, 'b.toml'), 'bans.default-duration = "2h"\n');
  writeFileSync(join(folder, 'a.toml'), '[bans]\nmax-duration = "1h"\n');
  assert.deepEqual(await faults(), [
    'Cannot use "bans.default-duration" in /b.toml, line 1: it is longer than "bans.max-duration"',
  ]);
  writeFileSync(join(folder, 'b.toml'), '[bans\n');
  writeFileSync(join(folder, 'a.toml'), 'x = "\n');
  assert.equal((await faults()).length, 2);
});
