import assert from 'node:assert/strict';
import { globSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild, run } from '../installers/fresh-build.ts';
import type { Host } from './ground/host.ts';
import { startLab } from './ground/lab.ts';
import { skipReason } from './ground/requirements.ts';
import type { Exit } from './ground/running.ts';

// apt and a repository of the fleet's own, which a plain web server serves.
const skip = skipReason('dpkg-deb', 'apt-get', 'gpg', 'python3');
const fresh = new FreshBuild();
before(() => {
  if (skip !== false) return;
  fresh.light('--ports=24001,24002');
  for (const made of [fresh.packages('--arch=x64 arm64', '--kinds=deb'), fresh.repository()])
    assert.equal(made.code, 0, made.err);
});
after(() => {
  fresh[Symbol.dispose]();
});

test(
  'apt installs the client from the repository that a plain web server serves, and refuses a list or a package that somebody changed',
  { skip },
  async () => {
    const repo = join(fresh.dist, 'repo');
    assert.equal(statSync(join(fresh.certs, 'repository.gpg_secret')).mode & 0o777, 0o600);
    assert.deepEqual(globSync('**/*secret*', { cwd: repo }), []);
    await using lab = await startLab({ hosts: ['h1'] });
    const host = lab.host('h1');
    await using web = host.spawn([
      'python3',
      '-u',
      '-m',
      'http.server',
      '--bind',
      '127.0.0.1',
      '--directory',
      repo,
      '8080',
    ]);
    await web.line(/^Serving HTTP/);
    await layForApt(host, repo, 'http://127.0.0.1:8080');

    const updated = await apt(host, 'update');
    assert.equal(updated.code, 0, updated.stdout + updated.stderr);
    const installed = await apt(host, 'install', 'banshare-client');
    assert.equal(installed.code, 0, installed.stdout + installed.stderr);
    assert.match(
      await host.output(['dpkg-query', '-W', 'banshare-client', 'banshare-runtime', 'banshare-common']),
      /banshare-client\t0\./,
    );
    assert.match(await host.output(['banshare-client', 'key']), /^h1 [0-9a-f]{64}$/m);

    const [server = ''] = globSync(join(repo, 'apt/pool/banshare-server_*.deb'));
    const bytes = readFileSync(server);
    bytes[bytes.length - 100] = (bytes.at(-100) ?? 0) ^ 1;
    writeFileSync(server, bytes);
    const tampered = await apt(host, 'install', 'banshare-server');
    assert.notEqual(tampered.code, 0);
    assert.match(tampered.stderr, /Hash Sum mismatch|unexpected size/);
    assert.notEqual((await host.run(['dpkg-query', '-W', 'banshare-server'])).code, 0);

    const list = join(repo, 'apt/dists/stable/InRelease');
    writeFileSync(list, readFileSync(list, 'utf8').replace('Label: banshare', 'Label: Banshare'));
    const forged = await apt(host, '-o', 'Acquire::AllowInsecureRepositories=false', 'update');
    assert.match(forged.stdout + forged.stderr, /BADSIG|invalid signature|not signed/i);
  },
);

test(
  'hosts of each architecture are told of the packages for all, and of the runtime of their own alone',
  { skip },
  () => {
    for (const architecture of ['amd64', 'arm64']) {
      const list = join(fresh.dist, `repo/apt/dists/stable/main/binary-${architecture}/Packages`);
      const files = readFileSync(list, 'utf8').match(/(?<=^Filename: pool\/).*$/gm) ?? [];
      assert.deepEqual(
        files.map((name) => name.replace(/_.*_/, ' ')),
        [
          'banshare-client all.deb',
          'banshare-common all.deb',
          `banshare-runtime ${architecture}.deb`,
          'banshare-server all.deb',
        ],
      );
    }
  },
);

test(
  'a package that is in the repository with other bytes is refused: hosts that have it would never take the new one',
  { skip },
  () => {
    const [client = ''] = globSync(join(fresh.dist, 'banshare-client_*.deb'));
    writeFileSync(client, Buffer.concat([readFileSync(client), Buffer.from('\n')]));
    const ran = fresh.repository();
    assert.equal(ran.code, 1);
    assert.match(ran.err, /is there with other bytes[^]*(make packages REVISION=2|make regen)/);
  },
);

test(
  'the repository for rpm systems has lists that its key has signed',
  {
    skip:
      skip ||
      (run('sh', ['-c', 'command -v rpmbuild createrepo_c || :']).out.trim() === '' &&
        'needs rpmbuild and createrepo_c (Debian: rpm createrepo-c)'),
  },
  () => {
    using rpm = new FreshBuild();
    rpm.light();
    for (const made of [rpm.packages('--kinds=rpm'), rpm.repository()]) assert.equal(made.code, 0, made.err);
    const repo = join(rpm.dist, 'repo');
    const rpms = globSync(join(repo, 'rpm/*.rpm'));
    assert.equal(rpms.length, 4);
    const script = 'rpm --dbpath "$0" --import "$1" && shift && exec rpm --dbpath "$0" -K "$@"';
    const checked = run('sh', ['-c', script, rpm.path('rpmdb'), join(repo, 'banshare.asc'), ...rpms]);
    assert.equal(checked.code, 0, checked.out + checked.err);
    assert.equal(checked.out.match(/: digests signatures OK$/gm)?.length, 4, checked.out);
    assert.match(readFileSync(join(repo, 'banshare.repo'), 'utf8'), /^gpgcheck=1\nrepo_gpgcheck=1$/m);
    const list = join(repo, 'rpm/repodata/repomd.xml');
    const verified = run('gpgv', ['--keyring', join(repo, 'banshare.gpg'), `${list}.asc`, list]);
    assert.equal(verified.code, 0, verified.err);
    // Nobody is vouched for by a key that comes from where the packages come.
    const told = readFileSync(join(repo, 'banshare.repo'), 'utf8');
    assert.match(told, /^repo_gpgcheck=1\ngpgkey=file:\/\/\/etc\/pki\/rpm-gpg\/RPM-GPG-KEY-banshare$/m);
    assert.doesNotMatch(told, /gpgkey=ADDRESS/);
    const again = readFileSync(list, 'utf8');
    assert.equal(rpm.repository().code, 0);
    assert.equal(readFileSync(list, 'utf8'), again, 'laid again, the lists are the same');
  },
);

test(
  'lists that are made for so many days say their end, of the day on which they are signed: apt takes them until then, and refuses them afterwards until they are laid anew',
  { skip: skip || skipReason('faketime') },
  async () => {
    const list = join(fresh.dist, 'repo/apt/dists/stable/Release');
    const field = (name: string): string =>
      new RegExp(`^${name}: (.*)$`, 'm').exec(readFileSync(list, 'utf8'))?.[1] ?? '';
    rmSync(join(fresh.dist, 'repo'), { recursive: true });
    assert.equal(fresh.repository().code, 0);
    assert.equal(field('Valid-Until'), '');
    assert.match(fresh.repository('--valid-for=soon').err, /say days, as in VALID_FOR=30d/);
    const made = fresh.repository('--valid-for=30d');
    assert.equal(made.code, 0, made.err);
    assert.match(
      made.out,
      /apt refuses the lists 30 days from now: run make repository VALID_FOR=30d again before/,
    );
    const days = (Date.parse(field('Valid-Until')) - Date.parse(field('Date'))) / 86_400_000;
    assert.equal(days, 30);
    assert.ok(Math.abs(Date.parse(field('Date')) - Date.now()) < 3_600_000);

    const { fine, ended } = await onHost(async (host) => ({
      fine: await runApt(host, [], 'update'),
      ended: await runApt(host, LATER, 'update'),
    }));
    assert.equal(fine.code, 0, fine.stdout + fine.stderr);
    assert.equal(ended.code, 100);
    assert.match(ended.stderr, /Release file for \S+ is expired/);
    // As the text that an administrator has says, which names what apt says.
    assert.match(
      readFileSync(README, 'utf8'),
      /`Release file for … is expired`[^]*make repository VALID_FOR=/,
    );
    assert.equal(fresh.repository('--valid-for=60d').code, 0);
    const anew = await onHost((host) => runApt(host, LATER, 'update'));
    assert.equal(anew.code, 0, anew.stdout + anew.stderr);
  },
);

const LATER = ['faketime', '-f', '+40d'];
const README = join(import.meta.dirname, '../../installers/README.md');

/** Does something on a host that has the repository as it is now. */
async function onHost<T>(work: (host: Host) => Promise<T>): Promise<T> {
  await using lab = await startLab({ hosts: ['h1'] });
  const host = lab.host('h1');
  const repo = join(fresh.dist, 'repo');
  await layForApt(host, repo, `file:${repo}`);
  return await work(host);
}

/** Lays the repository's source and key, as its README says, where apt looks in these tests alone. */
async function layForApt(host: Host, repo: string, address: string): Promise<void> {
  const sources = readFileSync(join(repo, 'banshare.sources'), 'utf8').replace('ADDRESS', address);
  await host.output([
    'sh',
    '-ec',
    `mkdir -p /etc/apt/keyrings /etc/apt/only && cp '${repo}/banshare.gpg' /etc/apt/keyrings/ && printf '%s' "$1" >/etc/apt/only/banshare.sources`,
    'sh',
    sources,
  ]);
}

function apt(host: Host, ...words: string[]): Promise<Exit> {
  return runApt(host, [], ...words);
}

/** Runs apt-get by another program, such as one that has it live on another day. */
function runApt(host: Host, by: readonly string[], ...words: string[]): Promise<Exit> {
  const only = [
    'Dir::Etc::sourcelist=/dev/null',
    'Dir::Etc::sourceparts=/etc/apt/only',
    'APT::Sandbox::User=root',
    // As apt has it where nobody changed it: a machine for tests may.
    'Acquire::Check-Date=true',
    'Acquire::Check-Valid-Until=true',
  ];
  return host.run([
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    ...by,
    'apt-get',
    '-y',
    '--no-install-recommends',
    ...only.flatMap((each) => ['-o', each]),
    ...words,
  ]);
}
