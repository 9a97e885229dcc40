import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild } from '../../installers/fresh-build.ts';
import type { Host } from '../ground/host.ts';
import { startLab } from '../ground/lab.ts';
import { serverAddress } from '../ground/network.ts';
import { skipReason } from '../ground/requirements.ts';
import type { Exit } from '../ground/running.ts';
import { makeLogin, sshConfig, startSshd } from '../ground/ssh.ts';
import { Booted, noSystemd } from '../ground/roots/systemd.ts';

const DEPLOY = join(import.meta.dirname, '../../../scripts/deploy.ts');
const HOSTS = ['h1', 'h2', 'h3'] as const;

// Hosts that systemd has booted, with a real sshd each. All builds are made before the lab: its hosts see them then.
const skip = skipReason('ssh', 'scp', 'sshd', 'ssh-keygen') || noSystemd();
const old = new FreshBuild();
const next = new FreshBuild();
before(() => {
  if (skip === false) for (const build of [old, next]) build.everything(`--server=${serverAddress}`);
});
after(() => {
  for (const build of [old, next]) build[Symbol.dispose]();
});

test(
  'make deploy brings a fleet up and moves it, past a host that is away and one that fails half way',
  { skip },
  async (t) => {
    await using lab = await startLab({ hosts: [...HOSTS, 'admin'], server: 'srv' });
    const admin = lab.host('admin');
    const publicKey = await makeLogin(admin);
    await using hosts = new AsyncDisposableStack();
    for (const name of ['srv', ...HOSTS]) {
      const booted = hosts.use(await Booted.start(lab.host(name)));
      await startSshd(lab.host(name), booted, publicKey, admin);
    }
    await admin.write('/var/list', 'srv server   # the server\nh[1-3] web\n');
    await admin.write('/var/list-of-four', 'srv server\nh[1-4] web\n');

    await t.test('hosts without banshare get the whole installer', async () => {
      const brought = await deploy(admin, old, '/var/list');
      assert.equal(brought.code, 0, brought.stdout + brought.stderr);
      assert.equal(brought.stdout.match(/installed \((client|server)-install\.sh, /g)?.length, 4);
      assert.match(brought.stdout, /4 of 4 are there/);
      assert.ok(!brought.stdout.includes('\u001b'), 'plain lines where there is no terminal');
    });
    const identities = await Promise.all(HOSTS.map((name) => identity(lab.host(name))));

    await t.test(
      '--dry-run asks and changes nothing; what is installed already would get the slim one',
      async () => {
        const dry = await deploy(admin, next, '/var/list-of-four', '--dry-run');
        assert.equal(dry.code, 1, dry.stdout + dry.stderr);
        assert.equal(
          dry.stdout.match(/would get \((client|server)-install-slim\.sh, 0\.\d MB\)/g)?.length,
          4,
          dry.stdout + dry.stderr,
        );
        assert.match(dry.stdout, /h4: UNREACHABLE[^]*Nothing was changed/);
        assert.equal((await generations(admin)).length, 1);
      },
    );

    await t.test('the others move although one host is away and one fails half way', async () => {
      await breakHalfWay(lab.host('h3'));
      const moved = await deploy(admin, next, '/var/list-of-four');
      assert.equal(moved.code, 1);
      const { stdout } = moved;
      assert.ok(stdout.indexOf('srv (server): installed') < stdout.indexOf('h1: installed'), stdout);
      assert.match(stdout, /h3: FAILED \(.*the previous installation is put back/);
      assert.match(stdout, /h4: UNREACHABLE/);
      assert.match(stdout, /3 of 5 are there/);
      assert.match(stdout, new RegExp(`ok +h1: h1, active, generation ${generationOf(moved)}`));
      assert.match(stdout, /LEFT +h3: h3, active, generation (?!unknown)/);
      assert.match(stdout, /LEFT +h4: not enrolled, as far as is known; unreachable/);
      assert.match(stdout, /2 left/);
      const all = await hostsOnServer(admin);
      assert.deepEqual(
        all.map(({ name, generation }) => [name, generation === generationOf(moved)]),
        [
          ['h1', true],
          ['h2', true],
          ['h3', false],
        ],
      );
      const reported = await ssh(admin, 'h3', 'banshare-report --strict fail2ban sshd 203.0.113.9');
      assert.equal(reported.code, 0, `h3 is still served on its old generation: ${reported.stderr}`);
    });

    await t.test('an installer is for its owner only while it is there', async () => {
      assert.equal(await lab.host('h3').read('/var/modes'), '700 root\n600 root\n');
    });

    await t.test('no installer is left on any host, also not where it failed', async () => {
      for (const name of ['srv', ...HOSTS]) {
        const left = await ssh(
          admin,
          name,
          'find / -xdev -name ".banshare-deploy*" -o -xdev -name "*install*.sh" -path "*banshare*" 2>/dev/null; ls -A /var/tmp',
        );
        assert.doesNotMatch(left.stdout, /banshare-deploy/, name);
      }
    });

    await t.test('the same command goes on with what is left', async () => {
      await lab.host('h3').output(['rm', '/usr/local/bin/mv']);
      const resumed = await deploy(admin, next, '/var/list-of-four');
      assert.equal(resumed.code, 1, 'h4 is still away');
      for (const name of ['srv \\(server\\)', 'h1', 'h2'])
        assert.match(resumed.stdout, new RegExp(`${name}: done by an earlier run`));
      assert.match(resumed.stdout, /h3: installed \(client-install-slim\.sh/);
      assert.match(resumed.stdout, /4 of 5 are there/);
      const limited = await deploy(admin, next, '/var/list-of-four', '--limit=h3,h1');
      assert.equal(limited.code, 0, limited.stdout + limited.stderr);
      assert.match(limited.stdout, /2 of 2 are there/);
    });

    await t.test('everyone is who it was, and the old generation can be retired', async () => {
      assert.deepEqual(await Promise.all(HOSTS.map((name) => identity(lab.host(name)))), identities);
      assert.deepEqual(
        (await hostsOnServer(admin)).map(({ name }) => name),
        [...HOSTS],
      );
      const [first = ''] = await generations(admin);
      const retired = await ssh(admin, 'srv', `banshare-server retire ${first}`);
      assert.equal(retired.code, 0, retired.stderr);
      const reported = await ssh(admin, 'h2', 'banshare-report --strict fail2ban sshd 203.0.113.10');
      assert.equal(reported.code, 0, reported.stderr);
    });
  },
);

function deploy(admin: Host, build: FreshBuild, list: string, ...options: string[]): Promise<Exit> {
  const words = [
    `--hosts=${list}`,
    `--dist=${build.dist}`,
    '--record=/var/deploy/record.json',
    `--ssh-config=${sshConfig}`,
  ];
  return admin.run([process.execPath, DEPLOY, ...words, ...options], { milliseconds: 180_000 });
}

function ssh(admin: Host, name: string, command: string): Promise<Exit> {
  return admin.run(['ssh', '-F', sshConfig, '-o', 'BatchMode=yes', name, command]);
}

async function hostsOnServer(admin: Host): Promise<{ name: string; generation: string }[]> {
  const { stdout } = await ssh(admin, 'srv', 'banshare-server hosts --json');
  const { hosts } = JSON.parse(stdout) as { hosts: { name: string; generation: string }[] };
  return hosts.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

async function generations(admin: Host): Promise<string[]> {
  const { stdout } = await ssh(admin, 'srv', 'banshare-server status --json');
  return (JSON.parse(stdout) as { generations: string[] }).generations;
}

function generationOf({ stdout }: Exit): string {
  return /^Generation (\S+):/m.exec(stdout)?.[1] ?? '';
}

function identity(host: Host): Promise<string> {
  return host.read('/etc/banshare/keys/host.key_secret');
}

/** The installer's rename of several files ends after the first of them, as on a disk that is full; the modes of what runs then are noted. */
async function breakHalfWay(host: Host): Promise<void> {
  const modes = 'stat -c "%a %U" /var/tmp/.banshare-deploy.* /var/tmp/.banshare-deploy.*/* >/var/modes';
  const fails =
    'for into; do :; done; /usr/bin/mv -f "$2" "$into"; echo "mv: No space left on device" >&2; exit 1';
  const script = `#!/bin/sh\n${modes}\n[ $# -lt 4 ] || { ${fails}; }\nexec /usr/bin/mv "$@"\n`;
  await host.write('/usr/local/bin/mv', script, 0o755);
}
