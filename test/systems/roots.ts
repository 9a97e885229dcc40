import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { untilLocked } from '../lab/ground/lock.ts';
import { startImitating } from './imitated.ts';
import { cleanEnvironment, Running } from '../lab/ground/running.ts';
import { skipReason } from '../lab/ground/requirements.ts';
import { noSystemd } from '../lab/ground/roots/systemd.ts';

const KEPT = join(import.meta.dirname, '../../build/systems');

/** A distribution's release that is tried whole, with its own systemd. */
export type System = { name: string; suite: string; architecture: 'amd64' | 'arm64' };

/** What is supported, the oldest first. */
export const SYSTEMS: readonly System[] = [
  { name: 'Debian 11', suite: 'bullseye', architecture: 'amd64' },
  { name: 'Debian 12', suite: 'bookworm', architecture: 'amd64' },
  { name: 'Debian 13', suite: 'trixie', architecture: 'amd64' },
  { name: 'Debian sid', suite: 'sid', architecture: 'amd64' },
];

/** The system of the server in each trial, and the one that is tried where there is time for one. */
export const DEBIAN_13 = SYSTEMS[2]!;

/** Debian 12 made for arm64, on a machine that has to imitate its processor. */
export const ON_ARM64: System = { name: 'Debian 12 arm64', suite: 'bookworm', architecture: 'arm64' };

// What a host has that runs fail2ban and is looked after by ssh. python3-systemd lets fail2ban read the journal, python3-apt
// lets Ansible install packages.
const PACKAGES = [
  'dbus',
  'fail2ban',
  'iproute2',
  'netbase',
  'nftables',
  'openssh-server',
  'procps',
  'python3-apt',
  'python3-systemd',
  'systemd',
  'systemd-sysv',
];

/** The same without systemd and ssh, which are not tried there; nft speaks to the kernel in words that qemu does not know. */
const PACKAGES_ON_ARM64 = ['fail2ban', 'iproute2', 'netbase', 'nftables:amd64', 'procps'];

/** What has no place in a namespace, or would look for a network. */
const MASKED = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'console-getty.service',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'fstrim.timer',
  'getty.target',
  'systemd-networkd.service',
  'systemd-resolved.service',
  'systemd-timesyncd.service',
  'systemd-udev-trigger.service',
  'systemd-udevd.service',
];

/** sid is another system each day. */
const OLDEST_MS = { sid: 7 * 86_400_000, other: 90 * 86_400_000 };

/** Why no other system can be tried on this machine, as node:test's `skip` takes it. */
export function whyNoSystems(): string | false {
  const lab = skipReason() || noSystemd();
  if (lab !== false) return lab;
  if (!cleanEnvironment.PATH.split(':').some((folder) => existsSync(`${folder}/mmdebstrap`)))
    return 'other systems are made by mmdebstrap (Debian package: mmdebstrap)';
  return debianMirror() === undefined
    ? 'other systems come from a mirror of Debian, and the apt sources of this machine name none'
    : false;
}

/** Whether the mirror has the system still: the oldest ones move to an archive. */
export function isOnMirror({ suite }: System): boolean {
  const url = `${debianMirror()}/dists/${suite}/InRelease`;
  mkdirSync(KEPT, { recursive: true });
  const file = join(KEPT, `${suite}.InRelease`);
  return run('/usr/lib/apt/apt-helper', ['download-file', url, file]).status === 0;
}

/** Where a root has the packages that only lie ready, a folder each with what they need beside what is installed. */
export const SPARE = '/var/lib/spare';

/**
 * A tar file of a system's files; made where it is not kept yet, in about a minute. Packages that lie ready are for a test that tries one
 * after the other, on a host that has no network.
 */
export async function rootOf(system: System, spare: readonly string[] = []): Promise<string> {
  const name = `${system.name.toLowerCase().replaceAll(' ', '-')}${spare.length > 0 ? '-spare' : ''}`;
  const parts = system.architecture === 'arm64' ? [PACKAGES_ON_ARM64] : [PACKAGES, MASKED];
  const contents = createHash('sha256').update(JSON.stringify([...parts, ...spare, system]));
  const file = join(KEPT, `${name}.${contents.digest('hex').slice(0, 8)}.tar`);
  mkdirSync(KEPT, { recursive: true });
  await using _lock = await untilLocked(join(KEPT, `${name}.lock`));
  if (!isFresh(file, system)) {
    const earlier = readdirSync(KEPT).filter(
      (each) => each.startsWith(`${name}.`) && !each.endsWith('.lock'),
    );
    for (const each of earlier) rmSync(join(KEPT, each), { recursive: true, force: true });
    await makeRoot(system, spare, `${file}.new`);
    renameSync(`${file}.new`, file);
  }
  return file;
}

function isFresh(file: string, { suite }: System): boolean {
  const made = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && Date.now() - made < (suite === 'sid' ? OLDEST_MS.sid : OLDEST_MS.other);
}

async function makeRoot(
  { name, suite, architecture }: System,
  spare: readonly string[],
  file: string,
): Promise<void> {
  const isForeign = architecture === 'arm64';
  const mask = MASKED.map((unit) => `ln -sf /dev/null "$1/etc/systemd/system/${unit}"`).join(' && ');
  // Debian 11's own installer merges /bin into /usr, as later releases do by themselves.
  const packages = [...PACKAGES, ...(suite === 'bullseye' ? ['usrmerge'] : [])];
  const words = [
    '--mode=root',
    '--variant=minbase',
    '--format=tar',
    '--aptopt=APT::Sandbox::User "root"',
    // A mirror that is a few weeks behind does for this; whether it is genuine is asked all the same.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    ...proxies().map((option) => `--aptopt=${option}`),
    ...(isForeign
      ? ['--architectures=arm64,amd64', '--skip=check/qemu', `--include=${PACKAGES_ON_ARM64.join(',')}`]
      : [`--architectures=amd64`, `--include=${packages.join(',')}`, `--customize-hook=${mask}`]),
    ...spare.map((each) => `--customize-hook=${fetching(each)}`),
    suite,
    file,
    debianMirror()!,
  ];
  // What it mounts and unpacks meanwhile goes with it, however it ends; not in /tmp, where this checkout may lie.
  const inItsOwnTmp = [
    'sh',
    '-euc',
    'mount -t tmpfs -o mode=1777 tmp /mnt; export TMPDIR=/mnt; exec mmdebstrap "$@"',
    'sh',
  ];
  const alone = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const title = `mmdebstrap of ${name}`;
  const made = isForeign
    ? await startImitating(title, 'of the machine', [...inItsOwnTmp, ...words])
    : new Running(title, [...alone, ...inItsOwnTmp, ...words]);
  made.hangUp();
  const { code, stderr } = await made.ended;
  if (code !== 0) throw new Error(`Cannot make ${name}: mmdebstrap ended with ${code}:\n${stderr}`);
}

/** Words of a shell that lay a package with all that it needs into a root, and install nothing. */
function fetching(name: string): string {
  const folder = `"$1${SPARE}/${name}"`;
  const fetch = 'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --yes --no-install-recommends --download-only';
  const into = `-o Dir::Cache::Archives=${folder} -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=`;
  return `mkdir -p ${folder}/partial && ${fetch} ${into} install ${name} && rm -rf ${folder}/partial ${folder}/lock`;
}

/** Where this machine's own apt has Debian from, without the slash at its end. */
function debianMirror(): string | undefined {
  const { stdout } = run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(CREATED_BY) $(LABEL)']);
  const [line] = stdout.split('\n').filter((each) => each.endsWith(' Packages Debian'));
  return line?.split(' ')[0]?.replace(/\/$/, '');
}

/** How this machine's apt reaches its mirror. */
function proxies(): string[] {
  const [, proxy] =
    /^PROXY='(.+)'$/m.exec(run('apt-config', ['shell', 'PROXY', 'Acquire::http::Proxy']).stdout) ?? [];
  return proxy === undefined ? [] : [`Acquire::http::Proxy "${proxy}"`];
}

function run(program: string, words: readonly string[]): { status: number | null; stdout: string } {
  return spawnSync(program, words, { env: cleanEnvironment, encoding: 'utf8' });
}
