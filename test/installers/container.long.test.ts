import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parseFleet } from '@banshare/runtime';
import { untilAnswered } from '../fleet/index.ts';
import { ContainerEngine, savedFiles } from './container-engine.ts';
import { FreshBuild, type Ran } from './fresh-build.ts';

const ROOT = join(import.meta.dirname, '../..');
const USER = '10970:10970';
const LEAST = ['--cap-drop=all', '--security-opt=no-new-privileges', '--read-only'];

test(
  "the images of server and client hold no secret, run with the least rights, ban by nftables or by the machine's own fail2ban what a host reports, say that they are healthy, and end by SIGTERM",
  { skip: ContainerEngine.skipReason() },
  async () => {
    using fresh = new FreshBuild();
    for (const ran of [fresh.regen('--server=127.0.0.1'), fresh.build()]) assert.equal(ran.code, 0, ran.err);
    await using engine = await ContainerEngine.start(fresh.path('containers'));
    const given = process.env['BANSHARE_CONTAINER_BASE'];
    if (given === undefined) engine.importBase('base');
    else engine.must('import', given, 'base');
    for (const role of ['server', 'client']) {
      const built = engine.build(role, fresh.dist, 'localhost/base');
      assert.equal(built.code, 0, built.err + built.out);
    }
    assertNoSecrets(engine, fresh);

    const server = layServer(fresh);
    const serverId = start(engine, 'server', [
      '--user',
      USER,
      '--tmpfs',
      '/run/banshare:mode=1777',
      ...mounts(server, ['etc/banshare', 'var/lib/banshare']),
    ]);
    await until(() => {
      const asked = engine.podman('exec', serverId, 'banshare-server', 'bans');
      return { ...asked, err: asked.err + engine.podman('logs', serverId).err };
    }, 'the server in its container');
    const client = layClient(fresh, 'h1', '[apply]\nenforcer = "nftables"\nown-reports = true\n');
    const clientId = start(engine, 'client', [
      '--cap-add=NET_ADMIN',
      '--tmpfs',
      '/run/banshare',
      '-v',
      `${client}/machine-id:/etc/machine-id:ro`,
      ...mounts(client, ['etc/banshare', 'var/lib/banshare', 'var/spool/banshare']),
    ]);
    await until(() => {
      const ran = engine.podman('exec', serverId, 'banshare-server', 'hosts');
      return { ...ran, code: / active .* everything /.test(ran.out) ? 0 : 1 };
    }, 'the host in the fleet');

    engine.must('exec', clientId, 'banshare-report', '--strict', 'fail2ban', 'sshd', '203.0.113.9');
    const banned = await until(() => {
      // Of the same version as wrote it.
      const ran = engine.podman('exec', clientId, 'nft', 'list', 'ruleset');
      const said = engine.podman('exec', clientId, 'banshare-client', 'status');
      return { ...ran, err: said.out, code: ran.out.includes('203.0.113.9') ? 0 : 1 };
    }, 'the ban in the firewall of the host');
    assert.match(banned.out, /table inet banshare/);
    // It sees no session of SSH, and says so; by which machine its key was made it knows.
    const told = engine.podman('exec', clientId, 'banshare-client', 'status');
    assert.deepEqual(
      [told.code, /logged in by SSH is not protected: .*--pid=host/.test(told.out)],
      [1, true],
    );
    assert.match(readFileSync(join(client, 'etc/banshare/keys/machine'), 'utf8'), /^[0-9a-f]{64}\n$/);

    using fail2ban = Fail2ban.start(engine, fresh.path('fail2ban'));
    const other = layClient(fresh, 'h2', '');
    const otherId = start(engine, 'client', [
      '--tmpfs',
      '/run/banshare',
      '-v',
      `${other}/machine-id:/etc/machine-id:ro`,
      '-v',
      `${fail2ban.run}:/run/fail2ban`,
      ...mounts(other, ['etc/banshare', 'var/lib/banshare', 'var/spool/banshare']),
    ]);
    await until(() => fail2ban.banned('203.0.113.9'), 'the ban in the fail2ban of the machine');
    assert.match(
      engine.inside('nft', 'list', 'table', 'inet', 'f2b-table').out,
      /set addr-set-sshd \{[^}]*203\.0\.113\.9/,
    );
    engine.must('exec', serverId, 'banshare-server', 'unban', '203.0.113.9');
    await until(() => {
      const { code, ...ran } = fail2ban.banned('203.0.113.9');
      return { ...ran, code: code === 0 ? 1 : 0 };
    }, 'the end of the ban in the fail2ban of the machine');

    // A person has something to do, and all are healthy all the same.
    engine.must('exec', serverId, 'banshare-server', 'freeze', '--for', '1h');
    assert.equal(engine.podman('exec', serverId, 'banshare-server', 'status').code, 1);
    for (const id of [serverId, clientId, otherId]) {
      const health = engine.podman('healthcheck', 'run', id);
      assert.equal(health.code, 0, health.out + health.err);
    }
    for (const id of [otherId, clientId, serverId]) {
      engine.must('stop', '--time', '20', id);
      const state = engine.must('inspect', '--format', '{{.State.ExitCode}} {{.State.Status}}', id).trim();
      assert.equal(state, '0 exited', engine.podman('logs', id).err);
    }
  },
);

test('the example of cloud-init is YAML with what cloud-init reads, and gives its token to nobody by an argument', (t) => {
  const path = join(ROOT, 'installers/cloud-init/client.yaml');
  const text = readFileSync(path, 'utf8');
  assert.match(text, /^#cloud-config\n/);
  const code = 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))';
  const read = spawnSync('python3', ['-c', code, path], { encoding: 'utf8' });
  if (read.status !== 0 && /No module named|ENOENT/.test(`${read.stderr}${String(read.error)}`))
    return t.skip('python3-yaml is not installed');
  assert.equal(read.status, 0, read.stderr);
  const config = JSON.parse(read.stdout) as {
    packages: string[];
    write_files: { path: string; permissions: string }[];
    runcmd: string[][];
  };
  const token = config.write_files.find(({ path: file }) => file === '/run/banshare.token');
  assert.equal(token?.permissions, '0600');
  assert.deepEqual(config.runcmd.slice(0, 2), [
    ['banshare-client', 'join', '--file', '/run/banshare.token'],
    ['rm', '-f', '/run/banshare.token'],
  ]);
});

function start(engine: ContainerEngine, role: string, words: readonly string[]): string {
  return engine.must('run', '-d', ...engine.limits, ...LEAST, ...words, `localhost/banshare-${role}`).trim();
}

function mounts(folder: string, paths: readonly string[]): string[] {
  return paths.flatMap((path) => ['-v', `${join(folder, path)}:/${path}`]);
}

/** What its installer lays below a DESTDIR, as the user of the image. */
function layServer(fresh: FreshBuild): string {
  const folder = fresh.path('server-host');
  const fleet = parseFleet(readFileSync(join(fresh.certs, 'fleet.toml'), 'utf8'));
  assert.ok(fleet.ok);
  const generation = join(folder, 'etc/banshare/generations', fleet.value.generation);
  mkdirSync(generation, { recursive: true });
  mkdirSync(join(folder, 'var/lib/banshare/server'), { recursive: true });
  for (const name of ['fleet.toml', 'server.key', 'server.key_secret', 'join.key'])
    copyFileSync(join(fresh.certs, name), join(generation, name));
  writeFileSync(join(folder, 'etc/banshare/server.toml'), '[listen]\naddress = "127.0.0.1"\n');
  execFileSync('chmod', ['0700', dirname(generation), generation]);
  execFileSync('chown', [
    '-R',
    USER,
    join(folder, 'etc/banshare/generations'),
    join(folder, 'var/lib/banshare'),
  ]);
  execFileSync('chmod', ['0711', fresh.folder, fresh.path('server-host')]);
  return folder;
}

function layClient(fresh: FreshBuild, name: string, apply: string): string {
  const folder = fresh.path(`client-${name}`);
  const keys = join(folder, 'etc/banshare/keys');
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  for (const each of ['var/lib/banshare', 'var/spool/banshare'])
    mkdirSync(join(folder, each), { recursive: true, mode: 0o700 });
  for (const each of ['join.key', 'join.key_secret']) copyFileSync(join(fresh.certs, each), join(keys, each));
  writeFileSync(join(folder, 'machine-id'), `${'0123456789abcdef'.repeat(2)}\n`);
  writeFileSync(join(folder, 'etc/banshare/client.toml'), `name = "${name}"\n${apply}`);
  return folder;
}

/** A real fail2ban in the network of the containers, as that of their machine; its socket lies in `run`. */
class Fail2ban implements Disposable {
  readonly run: string;
  readonly #engine: ContainerEngine;
  readonly #words: readonly string[];

  static start(engine: ContainerEngine, folder: string): Fail2ban {
    const [settings, run] = [join(folder, 'etc'), join(folder, 'run')];
    mkdirSync(run, { recursive: true });
    execFileSync('cp', ['-r', '/etc/fail2ban', settings]);
    const own = 'rm -f "$1"/*.local "$1"/jail.d/* && : >"$2"';
    execFileSync('sh', ['-c', own, 'sh', settings, join(folder, 'log')]);
    writeFileSync(
      join(settings, 'fail2ban.local'),
      `[Definition]\nlogtarget = ${join(folder, 'fail2ban.log')}\ndbfile = :memory:\n`,
    );
    writeFileSync(
      join(settings, 'jail.local'),
      `[DEFAULT]\nbanaction = nftables\nbanaction_allports = nftables[type=allports]\n[sshd]\nenabled = true\nbackend = polling\nlogpath = ${join(folder, 'log')}\n`,
    );
    const fail2ban = new Fail2ban(engine, settings, run);
    const started = fail2ban.#client('start');
    assert.equal(started.code, 0, started.out + started.err);
    return fail2ban;
  }

  private constructor(engine: ContainerEngine, settings: string, run: string) {
    this.run = run;
    this.#engine = engine;
    this.#words = ['-c', settings, '-s', join(run, 'fail2ban.sock'), '-p', join(run, 'fail2ban.pid')];
  }

  /** Ends with 0 where the jail sshd bans an address. */
  banned(ip: string): Ran {
    const ran = this.#client('get', 'sshd', 'banip');
    return { ...ran, code: ran.out.split(/\s+/).includes(ip) ? 0 : 1 };
  }

  #client(...words: string[]): Ran {
    return this.#engine.inside('fail2ban-client', ...this.#words, ...words);
  }

  [Symbol.dispose](): void {
    this.#client('stop');
  }
}

/** Neither the server's nor the join secret is in any file of any layer. */
function assertNoSecrets(engine: ContainerEngine, fresh: FreshBuild): void {
  const secrets = ['server', 'join'].map((name) => {
    const text = readFileSync(join(fresh.certs, `${name}.key_secret`), 'utf8');
    return /secret-key = "(.*)"/.exec(text)?.[1] ?? assert.fail(`there is no secret in ${name}.key_secret`);
  });
  for (const role of ['server', 'client']) {
    const saved = fresh.path(`saved-${role}`);
    engine.must('save', '--format', 'docker-dir', '-o', saved, `localhost/banshare-${role}`);
    const files = savedFiles(saved);
    assert.ok(
      files.some((bytes) => bytes.includes('usr/bin/banshare-')),
      'the layers can be read',
    );
    for (const bytes of files) for (const secret of secrets) assert.ok(!bytes.includes(secret), role);
  }
}

function until(ask: () => Ran, what: string): Promise<Ran> {
  let last: Ran | undefined;
  return untilAnswered(
    () => {
      last = ask();
      return Promise.resolve(last.code === 0 ? last : undefined);
    },
    60_000,
    () => `${what}: ${last?.out ?? ''}${last?.err ?? ''}`,
  );
}
