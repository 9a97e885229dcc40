import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runTool } from './run-tool.ts';
import type { Signer } from './signing.ts';

const SUITE = 'stable';
/** Debian's names of all architectures that a host may have; what is for all of them is listed with each. */
const ARCHITECTURES = ['amd64', 'arm64'] as const;

/** Times in seconds: of the files, of the signature, and until when that counts; undefined is for ever. */
export type RepositoryTimes = {
  readonly files: number;
  readonly signed: number;
  readonly until: number | undefined;
};

/** Lays the lists of an apt repository beside its packages in pool/, and signs them. */
export function layAptRepository(folder: string, times: RepositoryTimes, signer: Signer): void {
  const pool = readdirSync(join(folder, 'pool')).filter((name) => name.endsWith('.deb'));
  const stanzas = pool.toSorted().map((name) => stanzaOf(folder, `pool/${name}`));
  const lists = ARCHITECTURES.flatMap((architecture) => {
    const mine = stanzas.filter((stanza) =>
      new RegExp(`^Architecture: (all|${architecture})$`, 'm').test(stanza),
    );
    const text = Buffer.from(mine.join('\n'));
    const path = `main/binary-${architecture}/Packages`;
    return [
      { path, bytes: text },
      { path: `${path}.gz`, bytes: gzipSync(text, { level: 9 }) },
    ];
  });
  const suite = join(folder, 'dists', SUITE);
  const release = Buffer.from(releaseOf(lists, times));
  for (const { path, bytes } of [...lists, { path: 'Release', bytes: release }]) {
    const file = join(suite, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    utimesSync(file, times.files, times.files);
  }
  signer.sign(join(suite, 'Release'), join(suite, 'InRelease'), 'clear');
  signer.sign(join(suite, 'Release'), join(suite, 'Release.gpg'), 'apart');
}

/** What apt has to know of one package. */
function stanzaOf(folder: string, path: string): string {
  const file = join(folder, path);
  const control = runTool('dpkg-deb', 'dpkg', ['--field', file]).trimEnd();
  return `${control}\nFilename: ${path}\nSize: ${statSync(file).size}\nSHA256: ${sha256(readFileSync(file))}\n`;
}

function releaseOf(
  lists: readonly { path: string; bytes: Buffer }[],
  { signed, until }: RepositoryTimes,
): string {
  return [
    'Origin: banshare',
    'Label: banshare',
    `Suite: ${SUITE}`,
    `Codename: ${SUITE}`,
    `Date: ${timeOf(signed)}`,
    ...(until === undefined ? [] : [`Valid-Until: ${timeOf(until)}`]),
    `Architectures: ${ARCHITECTURES.join(' ')}`,
    'Components: main',
    'Description: the packages of one fleet',
    'SHA256:',
    ...lists.map(({ path, bytes }) => ` ${sha256(bytes)} ${bytes.length} ${path}`),
    '',
  ].join('\n');
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toUTCString().replace('GMT', 'UTC');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
