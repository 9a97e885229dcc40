import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fleet } from '@banshare/runtime';
import type { Architecture } from './parts.ts';
import { BUNDLES, type Role, type SharedFile } from './payload.ts';
import { ROOT } from '../say.ts';

/** A piece of the payload. */
export type Part = {
  readonly name: 'common' | Architecture;
  readonly bytes: Buffer;
  readonly unpackedBytes: number;
  readonly sha256: string;
};

/** A file of the runtime as it lies in /usr/lib/banshare. */
export type RuntimeFile = {
  readonly architecture: Architecture;
  readonly name: string;
  readonly sha256: string;
};

type Contents = {
  readonly role: Role;
  readonly fleet: Fleet;
  /** Without those of the architectures the installer is slim: for hosts that have this very runtime. */
  readonly parts: readonly Part[];
  readonly runtimes: readonly RuntimeFile[];
  /** What goes to /usr/lib/banshare, in order. */
  readonly files: readonly string[];
  /** What goes below /usr/share with this role, and with either. */
  readonly shared: readonly SharedFile[];
};

/** The pieces of installers/setup/ in the order of reading: these for both roles, then those of each, then `main`. */
const PIECES = [
  'say',
  'options',
  'owner',
  'machine',
  'payload',
  'files',
  'compare',
  'swap',
  'stage',
  'unit',
  'service',
  'programs',
  'configuration',
];
const ROLE_PIECES: Readonly<Record<Role, readonly string[]>> = {
  client: ['fail2ban', 'idle-reporter', 'psad', 'host', 'client'],
  server: ['user', 'ports', 'serving', 'server'],
};

/** The whole installer: the script, then the payload's parts, whose offsets the script names. */
export function assemble(contents: Contents): Buffer {
  let length = 0;
  let script = Buffer.from(scriptText(contents, length));
  // The script holds its own length, which may change the number of its digits.
  while (script.length !== length) {
    length = script.length;
    script = Buffer.from(scriptText(contents, length));
  }
  return Buffer.concat([script, ...contents.parts.map((part) => part.bytes)]);
}

function scriptText({ role, fleet, parts, runtimes, files, shared }: Contents, length: number): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const common = parts.find((part) => part.name === 'common')?.unpackedBytes ?? 0;
  const unpacked = Math.max(...parts.map((part) => part.unpackedBytes)) + common;
  const values = {
    role,
    version,
    generation: fleet.generation,
    server: fleet.servers.join(' or '),
    // Only a client asks whether it would be alone; shellcheck says what is set and not used.
    ...(role === 'client' ? { servers: fleet.servers.join(' ') } : {}),
    report_port: fleet.reportPort,
    publish_port: fleet.publishPort,
    unpacked_kb: Math.ceil(unpacked / 1024) + 2048,
    program_names: BUNDLES[role].map((name) => `banshare-${name}`).join(' '),
    program_prefixes: BUNDLES[role].join(' '),
    program_files: [...(role === 'client' ? ['psad.conf'] : []), ...files].join(' '),
    role_shares: sharesOf(shared, role),
    common_shares: sharesOf(shared, 'both'),
    program_scripts: role === 'client' ? 'shared-ban' : 'hand-to-sendmail',
    runtimes: runtimes.map((each) => `${each.architecture} ${each.name} ${each.sha256}`).join('\n'),
    parts: offsetsOf(parts, length),
  };
  return [
    '#!/bin/sh',
    `# Installs banshare-${role}: run it as root with --help to see what it does. Binary data follows the script.`,
    'set -eu',
    ...Object.entries(values).map(([name, value]) => `${name}=${quoted(String(value))}`),
    ...[...PIECES, ...ROLE_PIECES[role], 'main'].map((name) => pieceText(name)),
    // One line, read whole before it runs: the shell must not go on into the payload.
    'main "$@"; exit $?',
    '',
  ].join('\n');
}

function sharesOf(shared: readonly SharedFile[], role: SharedFile['role']): string {
  return (
    shared
      .filter((each) => each.role === role)
      .map(({ path }) => path)
      // Those of one folder stand together, and are laid by one process.
      .toSorted()
      .join(' ')
  );
}

/** A line "NAME OFFSET BYTES SHA256" for each part. */
function offsetsOf(parts: readonly Part[], length: number): string {
  let offset = length;
  return parts
    .map((part) => {
      const line = `${part.name} ${offset} ${part.bytes.length} ${part.sha256}`;
      offset += part.bytes.length;
      return line;
    })
    .join('\n');
}

/** In a script the pieces are one file, so that what the directives excuse must not be excused any more. */
export function pieceText(name: string, folder = 'setup'): string {
  return readFileSync(join(ROOT, 'installers', folder, `${name}.sh`), 'utf8').replace(
    /^# shellcheck shell=.*\n/,
    '',
  );
}

/** A text as one word of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
