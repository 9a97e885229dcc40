import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  mkdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild } from '../installers/fresh-build.ts';
import { PATIENCE_MS, untilTrue } from '../lab/ground/deadline.ts';
import type { Host } from '../lab/ground/host.ts';
import { serverAddress } from '../lab/ground/network.ts';
import { startLab } from '../lab/ground/lab.ts';
import { cleanEnvironment, Running, type Exit } from '../lab/ground/running.ts';
import { Machine } from './machine.ts';
import { DEBIAN_13, rootOf, whyNoSystems } from './roots.ts';

// Ansible on a host of the lab that is this machine in small, over real ssh to a server, which is a host too, and another host, both Debian 13 with their own systemd.
const COLLECTION = join(import.meta.dirname, '../../installers/ansible');
const NAMES = ['srv', 'h1'] as const;
const skip = whyNoSystems() || whyNoAnsible();
const [fresh, next] = [new FreshBuild(), new FreshBuild()];
before(() => {
  if (skip !== false) return;
  fresh.everything(`--server=${serverAddress}`);
  for (const made of [fresh.packages('--kinds=deb'), fresh.generationFile(generationFile(fresh))])
    assert.equal(made.code, 0, made.err);
  for (const step of [
    () => next.regen(`--server=${serverAddress}`),
    () => next.build(),
    () => next.packages('--kinds=deb'),
    () => next.generationFile(generationFile(next)),
  ]) {
    const made = step();
    assert.equal(made.code, 0, made.err);
  }
  // The repository has what was handed out before.
  const pool = join(next.dist, 'repo/apt/pool');
  mkdirSync(pool, { recursive: true });
  for (const name of globSync('*.deb', { cwd: fresh.dist }))
    copyFileSync(join(fresh.dist, name), join(pool, name));
  const laid = next.repository();
  assert.equal(laid.code, 0, laid.err);
});
after(() => {
  for (const each of [fresh, next]) each[Symbol.dispose]();
});

test('ansible-lint finds nothing in the collection, by its profile for production', { skip }, async () => {
  const folder = layCollection();
  try {
    const lint =
      'cd "$1/ansible_collections/banshare/fleet" && exec ansible-lint --offline --nocolor --profile production';
    const ran = new Running('ansible-lint', ['sh', '-c', lint, 'sh', folder], {
      ANSIBLE_COLLECTIONS_PATH: folder,
      HOME: folder,
    });
    const { code, stdout, stderr } = await ran.ended;
    assert.equal(code, 0, `${stdout}\n${stderr}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test(
  'a host that answers with more than its own name and key is let in by no Ansible role',
  { skip },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'banshare-one-key-'));
    try {
      const tasks = join(COLLECTION, 'roles/client/tasks/one_key.yml');
      const play = {
        hosts: 'localhost',
        gather_facts: false,
        tasks: [{ 'ansible.builtin.include_tasks': tasks }],
      };
      writeFileSync(join(folder, 'play.yml'), JSON.stringify([play]));
      const key = '0f'.repeat(32);
      const codes: (number | null)[] = [];
      for (const stdout of [`web-1 ${key}`, `web-1 ${key}\nweb-2 ${key}`, `web-1 ${key} x`, '']) {
        const vars = JSON.stringify({ banshare_key: { stdout } });
        const words = ['-i', 'localhost,', '-c', 'local', '-e', vars, join(folder, 'play.yml')];
        const ran = new Running('ansible-playbook', ['ansible-playbook', ...words], { HOME: folder });
        codes.push((await ran.ended).code);
      }
      assert.deepEqual(codes, [0, 2, 2, 2]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test(
  'by the links that their README has one lay, a playbook finds the roles as banshare.server and banshare.client too',
  { skip },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'banshare-ansible-'));
    try {
      const readme = readFileSync(join(COLLECTION, 'README.md'), 'utf8');
      const lay = readme.match(/^ {4}(?:mkdir|ln) .*$/gm) ?? [];
      assert.equal(lay.length, 4);
      writeFileSync(
        join(folder, 'play.yml'),
        JSON.stringify([
          { hosts: 'localhost', gather_facts: false, roles: ['banshare.server', 'banshare.client'] },
          {
            hosts: 'localhost',
            gather_facts: false,
            roles: ['banshare.fleet.server', 'banshare.fleet.client'],
          },
        ]),
      );
      const words = ['-i', 'localhost,', '-c', 'local', '--list-tasks', join(folder, 'play.yml')];
      const script = `cd "$1" && shift\n${lay.join('\n')}\ncd "$HOME" && exec ansible-playbook "$@"`;
      const argv = ['sh', '-ec', script, 'sh', join(COLLECTION, '../..'), ...words];
      const { code, stdout, stderr } = await new Running('ansible-playbook', argv, { HOME: folder }).ended;
      assert.equal(code, 0, `${stdout}\n${stderr}`);
      for (const role of ['server', 'client'])
        for (const name of [`banshare.${role}`, `banshare.fleet.${role}`])
          assert.match(stdout, new RegExp(`^ *${name} : Install the ${role}\\b`, 'm'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test(
  'what holds a secret, and an interrupted Ansible run left on a host, is removed by the next one that has nothing to install',
  { skip },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'banshare-left-'));
    try {
      writeFileSync(
        join(folder, 'of.generation'),
        '{"fleet.toml": "generation = \\"20261121T000000Z-abcdef\\""}',
      );
      const left = ['.banshare-client-install.sh', '.banshare-server-install.sh', '.banshare.generation'];
      const tasks = [
        'client/tasks/installers.yml',
        'server/tasks/installers.yml',
        'server/tasks/generation.yml',
      ];
      const play = {
        hosts: 'localhost',
        gather_facts: false,
        tasks: tasks.map((file) => ({ 'ansible.builtin.include_tasks': join(COLLECTION, 'roles', file) })),
      };
      writeFileSync(join(folder, 'play.yml'), JSON.stringify([play]));
      // What is said here counts more than what the tasks find: all is there already.
      const there = { stat: { exists: true, checksum: '' } };
      const vars = {
        banshare_dist: folder,
        banshare_generation_file: join(folder, 'of.generation'),
        banshare_program: there,
        banshare_installer: there,
        banshare_has_generation: there,
      };
      const words = ['-i', 'localhost,', '-c', 'local', '-e', JSON.stringify(vars), join(folder, 'play.yml')];
      const files = left.map((name) => `/root/${name}`).join(' ');
      const script = `mount -t tmpfs none /root && touch ${files} && "$@" && ls -A /root | grep -c banshare`;
      const argv = ['unshare', '--mount', 'sh', '-c', script, 'sh', 'ansible-playbook', ...words];
      const { code, stdout, stderr } = await new Running('ansible-playbook', argv, { HOME: folder }).ended;
      assert.deepEqual([code, stdout.trim().split('\n').at(-1)], [1, '0'], stdout + stderr);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test(
  'the Ansible roles install a fleet over ssh and let it in by its keys; --check and a second run change nothing; a redeploy ends with the first batch that is not well',
  { skip, timeout: 900_000 },
  async (context) => {
    const root = await rootOf(DEBIAN_13);
    await using lab = await startLab({
      hosts: ['h1', 'ctl'],
      server: 'srv',
      roots: { srv: root, h1: root },
    });
    await using srv = await Machine.boot(lab.host('srv'));
    await using h1 = await Machine.boot(lab.host('h1'));
    const machines = [srv, h1];
    using control = await Control.of(lab.host('ctl'), machines, fresh);
    for (const machine of machines) await machine.watch(false);

    const before = await Promise.all(machines.map((machine) => machine.files()));
    const begun = performance.now();
    const checked = await control.play('--check');
    assert.match(checked, /^h1 .*changed=[1-9]/m);
    for (const [index, machine] of machines.entries())
      assert.deepEqual(await machine.filesSince(before[index]!), []);

    await control.play();
    assert.equal((await h1.run('fail2ban-client', 'set', 'sshd', 'banip', '203.0.113.9')).code, 0);
    await untilTrue(PATIENCE_MS, 'the ban of h1 on the machine of the server', async () =>
      (await srv.run('fail2ban-client', 'get', 'sshd', 'banip')).stdout.includes('203.0.113.9'),
    );

    context.diagnostic(`${((performance.now() - begun) / 1000).toFixed(0)} s for --check and the first run`);
    const again = await control.play();
    for (const name of NAMES) assert.match(again, new RegExp(`^${name} .*changed=0 .*failed=0`, 'm'));

    await using web = serve(lab.host('ctl'), join(next.dist, 'repo'));
    await web.line(/^Serving HTTP/);
    for (const machine of machines) await knowRepository(machine, lab.host('ctl'), join(next.dist, 'repo'));
    const [older, newer] = [versionIn(fresh), versionIn(next)];
    const fromRepository = {
      banshare_from: 'repository',
      banshare_generation_file: generationFile(next),
    };
    const known = await Promise.all(machines.map((machine) => machine.files()));
    const wouldMove = await control.play('--check', '-e', JSON.stringify(fromRepository));
    for (const name of NAMES) assert.match(wouldMove, new RegExp(`^${name} .*changed=[1-9] .*failed=0`, 'm'));
    for (const [index, machine] of machines.entries())
      assert.deepEqual(await machine.filesSince(known[index]!), []);
    assert.equal(await versionOf(srv, 'server'), older);
    await control.play('-e', JSON.stringify(fromRepository));
    assert.deepEqual(
      [await versionOf(srv, 'server'), await versionOf(srv, 'client'), await versionOf(h1, 'client')],
      [newer, newer, newer],
    );
    await control.play('-e', JSON.stringify({ ...fromRepository, banshare_version: older }));
    assert.deepEqual(
      [await versionOf(srv, 'server'), await versionOf(srv, 'client'), await versionOf(h1, 'client')],
      [older, older, older],
    );

    // Nobody answers there, so that the host is not well.
    const nowhere = 'server = "10.99.0.99"\n';
    const failed = await control.run(
      ...REDEPLOY,
      '-e',
      JSON.stringify({ ...HASTE, banshare_client_config: nowhere }),
    );
    assert.notEqual(failed.code, 0, failed.stdout);
    const texts = await Promise.all(machines.map(({ host }) => host.read('/etc/banshare/client.toml')));
    assert.deepEqual(texts, ['', nowhere]);
    assert.match((await srv.run('banshare-client', 'status')).stdout, /received everything/);
  },
);

const REDEPLOY = ['ansible-playbook', 'banshare.fleet.redeploy'] as const;

/** So that a host which is not well is given up at once. */
const HASTE = { banshare_client_tries: 2, banshare_client_pause: 1 };

/** The control node: keys, an inventory, and the collection where Ansible looks for it. */
class Control implements Disposable {
  readonly host: Host;
  readonly #folder: string;

  /** Lets it log in to the machines as root. */
  static async of(host: Host, machines: readonly Machine[], made: FreshBuild): Promise<Control> {
    const folder = layCollection();
    await host.output(['install', '-d', '-m', '0700', '/run/ssh']);
    await host.output(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/run/ssh/id']);
    const key = await host.read('/run/ssh/id.pub');
    const known = machines.map(async (machine) => {
      await machine.host.write('/root/.ssh/authorized_keys', key, 0o600);
      const own = await machine.host.read('/etc/ssh/ssh_host_ed25519_key.pub');
      return `${machine.host.name} ${own.trim()}\n`;
    });
    await host.write('/run/ssh/known_hosts', (await Promise.all(known)).join(''));
    await host.write('/run/ssh/inventory', inventory(made));
    return new Control(host, folder);
  }

  private constructor(host: Host, folder: string) {
    this.host = host;
    this.#folder = folder;
  }

  /** Runs the playbook of the collection, which has to go well, and returns what it says at its end. */
  async play(...words: string[]): Promise<string> {
    const said = await this.output(...REDEPLOY, ...words);
    return said.slice(said.indexOf('PLAY RECAP'));
  }

  async output(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...argv);
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    return stdout;
  }

  run(...argv: string[]): Promise<Exit> {
    const environment = {
      ANSIBLE_COLLECTIONS_PATH: this.#folder,
      HOME: '/run/ssh',
      ANSIBLE_INVENTORY: '/run/ssh/inventory',
      ANSIBLE_PIPELINING: 'true',
      ANSIBLE_NOCOLOR: 'true',
      ANSIBLE_SSH_ARGS:
        '-o IdentityFile=/run/ssh/id -o UserKnownHostsFile=/run/ssh/known_hosts -o ControlMaster=auto -o ControlPersist=60',
    };
    return this.host.run(argv, { environment, milliseconds: 400_000 });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A plain web server with the repository, on a host that sees it. */
function serve(host: Host, folder: string): Running {
  const words = ['-u', '-m', 'http.server', '--bind', host.addresses.ipv4, '--directory', folder, '8080'];
  return host.spawn(['python3', ...words]);
}

/** Lets apt on a machine know the repository, and no mirror, which it would not reach. */
async function knowRepository(machine: Machine, control: Host, folder: string): Promise<void> {
  const sources = readFileSync(join(folder, 'banshare.sources'), 'utf8');
  const address = `http://${control.addresses.ipv4}:8080`;
  await machine.output(
    'sh',
    '-ec',
    'mkdir -p /etc/apt/keyrings; rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*',
  );
  copyFileSync(join(folder, 'banshare.gpg'), machine.host.outside('/etc/apt/keyrings/banshare.gpg'));
  await machine.host.write('/etc/apt/sources.list.d/banshare.sources', sources.replace('ADDRESS', address));
  await machine.output('apt-get', 'update');
}

/** The version of the packages of a build. */
function versionIn({ dist }: FreshBuild): string {
  const [name = ''] = globSync('banshare-client_*.deb', { cwd: dist });
  return name.split('_')[1] ?? '';
}

async function versionOf(machine: Machine, role: string): Promise<string> {
  return machine.output('dpkg-query', '-W', '-f', '${Version}', `banshare-${role}`);
}

/** The keys of the generation, for a server that packages install. */
function generationFile(made: FreshBuild): string {
  return made.path('keys.generation');
}

/** A folder in which Ansible finds the collection. */
function layCollection(): string {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-ansible-'));
  const collections = join(folder, 'ansible_collections/banshare');
  mkdirSync(collections, { recursive: true });
  symlinkSync(COLLECTION, join(collections, 'fleet'));
  return folder;
}

function inventory(made: FreshBuild): string {
  return `[banshare_servers]
srv

[banshare_hosts]
h1 banshare_from=installers
srv

[banshare_servers:vars]
banshare_from=packages
banshare_generation_file=${generationFile(made)}

[all:vars]
ansible_user=root
ansible_python_interpreter=/usr/bin/python3
banshare_dist=${made.dist}
banshare_client_jails=["sshd"]
`;
}

function whyNoAnsible(): string | false {
  const folders = cleanEnvironment.PATH.split(':');
  const missing = ['ansible-playbook', 'ansible-lint'].filter(
    (name) => !folders.some((folder) => existsSync(join(folder, name))),
  );
  return (
    missing.length > 0 &&
    `the roles are tried where Ansible is (Debian packages: ${['ansible-core', 'ansible-lint'].join(' ')})`
  );
}
