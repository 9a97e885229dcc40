import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { formatFleet, writeAtomic, type Fleet } from '@banshare/runtime';
import type { Part, RuntimeFile } from './installer-script.ts';
import { addonFile, runtimeFile, type Architecture } from './parts.ts';
import { completionScripts } from '../completion/scripts.ts';
import { manualPages } from '../manual/pages.ts';
import { Fault, ROOT } from '../say.ts';
import { tar, type Entry } from './tar.ts';

export type Role = 'client' | 'server';

/** A file below /usr/share, and with which role it is installed. */
export type SharedFile = { readonly path: string; readonly role: Role | 'both'; readonly bytes: Buffer };

type Wanted = {
  readonly role: Role;
  readonly certs: string;
  readonly dist: string;
  readonly fleet: Fleet;
  readonly config: string | undefined;
};

/** The bundles of a role begin with these names, their chunks with the same and a hyphen. */
export const BUNDLES: Readonly<Record<Role, readonly string[]>> = {
  client: ['client', 'report'],
  server: ['server'],
};

/**
 * What is laid below /usr/share beside the programs: the pages of the manual, and completion for the shells as Debian has their folders
 * (zsh/vendor-completions is zsh/site-functions elsewhere). Throws a Fault where something cannot be made.
 */
export function sharedFiles(): SharedFile[] {
  return [
    ...manualPages().map(({ path, role, bytes }) => ({ path: `man/${path}`, role, bytes })),
    ...completionScripts().map(({ path, role, text }) => ({ path, role, bytes: Buffer.from(text) })),
  ];
}

/** What is the same for every architecture, and what of it goes to /usr/lib/banshare, by name, and to /usr/share. */
export function commonPart(wanted: Wanted): {
  readonly part: Part;
  readonly files: readonly string[];
  readonly shared: readonly SharedFile[];
} {
  const shared = sharedFiles().filter(({ role }) => role === wanted.role || role === 'both');
  const files = libraryFiles(wanted.dist, wanted.role);
  const entries = [
    ...openEntries(wanted.dist, wanted.role),
    ...shared.map(({ path, bytes }) => ({ name: `share/${path}`, mode: 0o600, bytes })),
    ...(wanted.role === 'client' ? joinEntries(wanted.certs) : generationEntries(wanted.certs, wanted.fleet)),
    ...(wanted.config === undefined ? [] : [entry(`config/${wanted.role}.toml`, wanted.config)]),
  ];
  return { part: part('common', entries, gzipSync(tar(entries), { level: 9 })), files, shared };
}

/** The programs of a role and its pieces: all of it may be read by everybody, so that it is what a package holds. */
export function openEntries(dist: string, role: Role): Entry[] {
  return [
    ...libraryFiles(dist, role).map((name) => entry(`lib/${name}`, join(dist, 'lib/banshare', name))),
    ...BUNDLES[role].map((name) => entry(`bin/banshare-${name}`, join(dist, 'bin', `banshare-${name}`))),
    ...pieceEntries(role),
  ];
}

/** What is no program: units, and what belongs into fail2ban and psad. */
export function pieceEntries(role: Role): Entry[] {
  return role === 'client' ? clientEntries() : serverEntries();
}

function clientEntries(): Entry[] {
  return [
    entry('lib/psad.conf', piece('psad/psad.conf')),
    entry('shared-ban', piece('shared-ban')),
    ...['action.d', 'filter.d', 'jail.d'].map((folder) =>
      entry(`fail2ban/${folder}/banshare.conf`, piece(`fail2ban/${folder}/banshare.conf`)),
    ),
    ...[...unitsOf('client'), 'banshare-follow.service', 'fail2ban-spool.conf'].map((name) =>
      entry(`systemd/${name}`, piece(`systemd/${name}`)),
    ),
  ];
}

/** The pair by which whoever has the installer may enrol. */
function joinEntries(certs: string): Entry[] {
  return ['join.key', 'join.key_secret'].map((name) => entry(`keys/${name}`, join(certs, name)));
}

/** The daemon's own, and the timer that writes its metrics for node_exporter. */
function unitsOf(role: Role): string[] {
  return ['.service', '-metrics.service', '-metrics.timer'].map((end) => `banshare-${role}${end}`);
}

function serverEntries(): Entry[] {
  const units = [
    ...unitsOf('server'),
    'banshare-web.service',
    'banshare-outside.service',
    'banshare-mail.socket',
    'banshare-mail@.service',
    'banshare-backup.service',
    'banshare-backup.timer',
    'sysusers.conf',
    'tmpfiles.conf',
    'tmpfiles-run.conf',
  ];
  return [
    entry('hand-to-sendmail', piece('hand-to-sendmail')),
    ...units.map((name) => entry(`systemd/${name}`, piece(`systemd/${name}`))),
  ];
}

/** What a server serves a generation with; its secret key is in it. */
function generationEntries(certs: string, fleet: Fleet): Entry[] {
  return [
    { name: 'generation/fleet.toml', mode: 0o600, bytes: Buffer.from(formatFleet(fleet)) },
    ...['server.key', 'server.key_secret', 'join.key'].map((name) =>
      entry(`generation/${name}`, join(certs, name)),
    ),
  ];
}

/**
 * The runtime and the addon of one architecture, and what they are known by. It takes seconds to compress, so it is kept
 * until they change.
 */
export function architecturePart(
  architecture: Architecture,
  runtime = runtimeFile(architecture),
): {
  readonly part: Part;
  readonly files: readonly RuntimeFile[];
} {
  const entries = runtimeEntries(architecture, runtime);
  const files = entries.map(({ name, bytes }) => ({
    architecture,
    name: name.slice('lib/'.length),
    sha256: sha256(bytes),
  }));
  const both = sha256(Buffer.from(files.map((file) => file.sha256).join(' ')));
  const kept = join(ROOT, 'build/payload', `${architecture}-${both.slice(0, 16)}.tar.gz`);
  if (!existsSync(kept)) {
    mkdirSync(join(ROOT, 'build/payload'), { recursive: true });
    // The highest level takes twice and a half the time, for a 300th less.
    writeAtomic(kept, gzipSync(tar(entries), { level: 6 }), 0o644);
  }
  return { part: part(architecture, entries, readFileSync(kept)), files };
}

/** What the programs run on: one copy for client and server. */
export function runtimeEntries(architecture: Architecture, runtime = runtimeFile(architecture)): Entry[] {
  return [entry('lib/node', runtime), entry('lib/zeromq.node', addonFile(architecture))];
}

/** The role's files of dist/lib/banshare in the order in which they may be put in place: the bundles last. */
export function libraryFiles(dist: string, role: Role): string[] {
  const mine = new RegExp(`^(${BUNDLES[role].join('|')})(-.*)?\\.([cm]js|bin)$`);
  const names = readdirSync(join(dist, 'lib/banshare')).filter(
    (name) => mine.test(name) || name === 'LICENCES',
  );
  const isBundle = (name: string) => Number(BUNDLES[role].some((each) => name.startsWith(`${each}.`)));
  return names.toSorted((a, b) => isBundle(a) - isBundle(b) || (a < b ? -1 : 1));
}

function part(name: Part['name'], entries: readonly Entry[], bytes: Buffer): Part {
  const unpackedBytes = entries.reduce((sum, each) => sum + each.bytes.length, 0);
  return { name, bytes, unpackedBytes, sha256: sha256(bytes) };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Modes in the archive matter little: the installer gives each file its own. What runs from there needs its bit. */
function entry(name: string, path: string): Entry {
  try {
    return { name, mode: name === 'lib/node' ? 0o700 : 0o600, bytes: readFileSync(path) };
  } catch (cause) {
    throw new Fault(`Cannot read ${path}: run make first`, { cause });
  }
}

function piece(name: string): string {
  return join(ROOT, 'installers', name);
}
