import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { formatFleet, type Fleet } from '@banshare/runtime';
import { ROOT } from '../../say.ts';
import type { Architecture } from '../parts.ts';
import { openEntries, runtimeEntries, sharedFiles, type Role, type SharedFile } from '../payload.ts';
import type { Entry } from '../tar.ts';
import { debScripts, rpmScripts, setupScript } from './scripts.ts';
import { epochOf, packageVersion, runtimeVersion, RUNTIME_EPOCH } from './version.ts';

/** A file as it lies on a machine: its path without the first slash. */
export type PackageFile = Entry;

/** All that is the same for dpkg and rpm. */
export type PackageTree = {
  readonly name: 'banshare-runtime' | 'banshare-common' | 'banshare-client' | 'banshare-server';
  readonly version: string;
  /** Undefined for what both roles share. */
  readonly role: Role | undefined;
  /** Undefined where the files are the same for every architecture. */
  readonly architecture: Architecture | undefined;
  /** Whether a package is kept for the next build with the same files: a hundred megabytes take long to compress. */
  readonly isKept: boolean;
  /** Seconds: the time of every file, so that a second build makes the same bytes. */
  readonly epoch: number;
  readonly summary: string;
  readonly description: string;
  readonly files: readonly PackageFile[];
  /** What the package tool runs, by its names. */
  readonly scripts: { readonly deb: Scripts; readonly rpm: Scripts };
};

type Scripts = Readonly<Record<string, string>>;
const NO_SCRIPTS = { deb: {}, rpm: {} } as const;

type Wanted = {
  readonly dist: string;
  readonly fleet: Fleet;
  /** How often packages of this generation were made with other code before, and one. */
  readonly revision: number;
  readonly config: string | undefined;
};

const LIBRARY = 'usr/lib/banshare';
const UNITS = 'usr/lib/systemd/system';

/** Where the installers' entries lie on a machine; what has no row is laid by the package's setup script, from its share folder. */
const PLACES: readonly (readonly [entry: RegExp, path: string, mode: number])[] = [
  [/^lib\/node$/, LIBRARY, 0o755],
  [/^lib\/(?!LICENCES$)/, LIBRARY, 0o644],
  [/^(shared-ban|hand-to-sendmail)$/, LIBRARY, 0o755],
  [/^bin\//, 'usr/bin', 0o755],
  [/^systemd\/banshare-.*\.(service|timer|socket)$/, UNITS, 0o644],
  [/^systemd\/sysusers\.conf$/, 'usr/lib/sysusers.d/banshare.conf', 0o644],
  [/^systemd\/tmpfiles-run\.conf$/, 'usr/lib/tmpfiles.d/banshare-run.conf', 0o644],
];

/** An image has the server's keys before its user: a package makes the user first. */
const LEFT_OUT = ['lib/LICENCES', 'systemd/tmpfiles.conf'];

/** What the programs run on. */
export function runtimeTree(dist: string, architecture: Architecture, runtime?: string): PackageTree {
  const version = runtimeVersion();
  return {
    name: 'banshare-runtime',
    role: undefined,
    version,
    architecture,
    // A test's stand-in is of one run.
    isKept: runtime === undefined,
    epoch: RUNTIME_EPOCH,
    summary: 'runtime of the programs of banshare: Node and zeromq',
    description:
      'One copy for the client and the server on a machine. It is of no use to other programs, and holds no key.',
    scripts: NO_SCRIPTS,
    files: [
      ...runtimeEntries(architecture, runtime).map(placed('banshare-runtime')),
      ...documents('banshare-runtime', version, RUNTIME_EPOCH, dist),
    ],
  };
}

/** What is told of the fleet and in the manual wherever one of its programs is. */
export function commonTree({ dist, fleet, revision }: Omit<Wanted, 'config'>): PackageTree {
  const [version, epoch] = [packageVersion(fleet, revision), epochOf(fleet)];
  return {
    name: 'banshare-common',
    role: undefined,
    version,
    architecture: undefined,
    isKept: false,
    epoch,
    summary: 'manual of banshare, and which fleet its programs are of',
    description: 'What client and server on one machine share beside the runtime. It holds no secret.',
    scripts: NO_SCRIPTS,
    files: [
      ...shares('both'),
      { name: 'usr/share/banshare/fleet.toml', mode: 0o644, bytes: Buffer.from(formatFleet(fleet)) },
      ...documents('banshare-common', version, epoch, dist),
    ],
  };
}

function shares(role: SharedFile['role']): PackageFile[] {
  return sharedFiles()
    .filter((each) => each.role === role)
    .map(({ path, bytes }) => ({ name: `usr/share/${path}`, mode: 0o644, bytes }));
}

/** The programs of a role. Everything in it may be read by everybody. */
export function roleTree(role: Role, { dist, fleet, revision, config }: Wanted): PackageTree {
  const name = `banshare-${role}` as const;
  const version = packageVersion(fleet, revision);
  const epoch = epochOf(fleet);
  const { version: program } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  const setup = setupScript(role, { dist, fleet, version: { program, package: version } });
  const share = `usr/share/${name}`;
  return {
    name,
    role,
    version,
    architecture: undefined,
    isKept: false,
    epoch,
    ...WORDS[role],
    scripts: { deb: debScripts({ role, version, dist }), rpm: rpmScripts({ role, version }) },
    files: [
      ...shares(role),
      ...openEntries(dist, role)
        .filter((entry) => !LEFT_OUT.includes(entry.name))
        .map(placed(name)),
      { name: `${LIBRARY}/setup-${role}`, mode: 0o755, bytes: Buffer.from(setup) },
      ...(config === undefined
        ? []
        : [{ name: `${share}/config/${role}.toml`, mode: 0o644, bytes: readFileSync(config) }]),
      ...documents(name, version, epoch, dist),
    ],
  };
}

const WORDS: Readonly<Record<Role, { summary: string; description: string }>> = {
  client: {
    summary: 'bans on this host what one host of the fleet has banned',
    description:
      'Applies the bans of a fleet by fail2ban or in the firewall, and shares what fail2ban and psad ban here. It knows its server by ' +
      'address, ports and public key, and holds no secret: the host makes its own key, and the server admits that.',
  },
  server: {
    summary: 'server of a fleet that shares its bans',
    description:
      'Takes the reports of hosts and publishes what they banned to all others. It holds no secret: the keys of a generation come by ' +
      'banshare-server generation add.',
  },
};

function placed(name: string): (entry: Entry) => PackageFile {
  return (entry) => {
    const place = PLACES.find(([pattern]) => pattern.test(entry.name));
    if (place === undefined) return { ...entry, name: `usr/share/${name}/${entry.name}`, mode: 0o644 };
    const [, path, mode] = place;
    const file = entry.name.split('/').at(-1) ?? '';
    return { ...entry, name: path.endsWith('.conf') ? path : `${path}/${file}`, mode };
  };
}

/** What Debian wants beside: whose this is, what changed, and which of lintian's rules are broken on purpose. */
function documents(name: PackageTree['name'], version: string, epoch: number, dist: string): PackageFile[] {
  const folder = `usr/share/doc/${name}`;
  const when = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  const changelog = `${name} (${version}) stable; urgency=medium\n\n  * See CHANGELOG.md of banshare.\n\n -- ${MAINTAINER}  ${when}\n`;
  const mine = readFileSync(join(ROOT, 'LICENSE'), 'utf8');
  const copyright = `banshare is made by each fleet for itself. What is bundled with it has licences of its own: LICENCES.gz beside this file.\n\n${mine}`;
  const overrides = OVERRIDES[name].map(({ tag, why }) => `# ${why}\n${name}: ${tag}\n`).join('');
  const bundled = readFileSync(join(dist, 'lib/banshare/LICENCES'));
  return [
    { name: `${folder}/copyright`, mode: 0o644, bytes: Buffer.from(copyright) },
    { name: `${folder}/changelog.gz`, mode: 0o644, bytes: gzipSync(changelog, { level: 9 }) },
    ...(name === 'banshare-common'
      ? []
      : [{ name: `${folder}/LICENCES.gz`, mode: 0o644, bytes: gzipSync(bundled, { level: 9 }) }]),
    { name: `usr/share/lintian/overrides/${name}`, mode: 0o644, bytes: Buffer.from(overrides) },
  ];
}

/** Nobody outside the fleet answers for its packages. */
export const MAINTAINER = 'banshare <packages@banshare.invalid>';

type Override = { readonly tag: string; readonly why: string };

const NOBODY: readonly Override[] = [
  {
    tag: 'bogus-mail-host *',
    why: 'Each fleet makes its packages for itself: nobody outside answers for them.',
  },
  { tag: 'bogus-mail-host-in-debian-changelog *', why: 'The same.' },
];
/** See installers/packages/earlier.sh. */
const DIVERTED: readonly Override[] = [
  {
    tag: 'diversion-for-unknown-file *',
    why: 'What is diverted is what the version before had and this one has not, until its daemon is restarted.',
  },
  {
    tag: 'orphaned-diversion *',
    why: 'It is removed by the setup script once the daemon is restarted, and by postrm.',
  },
];
const OVERRIDES: Readonly<Record<PackageTree['name'], readonly Override[]>> = {
  'banshare-runtime': [
    ...NOBODY,
    {
      tag: 'unstripped-binary-or-object *',
      why: 'The pinned runtime is laid byte for byte as it was released, so that its hash in the lock file still says what it is.',
    },
    {
      tag: 'embedded-library *',
      why: "Node brings its own libraries, tested together; a system's would be others on each release.",
    },
    {
      tag: 'shared-library-lacks-prerequisites *',
      why: 'The addon finds the symbols of Node in the program that loads it.',
    },
  ],
  'banshare-common': NOBODY,
  'banshare-client': [...NOBODY, ...DIVERTED],
  'banshare-server': [...NOBODY, ...DIVERTED],
};
