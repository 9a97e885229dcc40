// Lays a signed repository for apt and for rpm systems in dist/repo, of the packages in dist/: any plain web server may serve the folder.
// Packages of earlier generations stay there, for the way back.
import { copyFileSync, existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { wallSeconds } from '@banshare/runtime';
import { layAptRepository, type RepositoryTimes } from './making/packages/apt-repository.ts';
import { hasTool, runTool } from './making/packages/run-tool.ts';
import { isRuntime, isSame, otherBytes } from './making/packages/same-version.ts';
import { Signer } from './making/packages/signing.ts';
import { epochOf } from './making/packages/version.ts';
import { finishGeneration, readGeneration } from './making/generation-files.ts';
import { Fault, orExit, ROOT, tell } from './say.ts';

/** What a host's package tool is told, with the web server's address in the place of ADDRESS. */
const SOURCES: Readonly<Record<string, string>> = {
  'banshare.sources': `# /etc/apt/sources.list.d/banshare.sources, beside banshare.gpg as /etc/apt/keyrings/banshare.gpg
Types: deb
URIs: ADDRESS/apt
Suites: stable
Components: main
Signed-By: /etc/apt/keyrings/banshare.gpg
`,
  // A key that came from where the packages come would vouch for whoever serves them.
  'banshare.repo': `# /etc/yum.repos.d/banshare.repo, beside banshare.asc as /etc/pki/rpm-gpg/RPM-GPG-KEY-banshare
[banshare]
name=banshare
baseurl=ADDRESS/rpm
gpgcheck=1
repo_gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-banshare
`,
};

await orExit(() => {
  const { values: asked } = parseArgs({
    options: {
      certs: { type: 'string', default: join(ROOT, 'certs') },
      dist: { type: 'string', default: join(ROOT, 'dist') },
      'valid-for': { type: 'string' },
    },
  });
  finishGeneration(asked.certs);
  const epoch = epochOf(readGeneration(asked.certs));
  const repo = join(asked.dist, 'repo');
  using signer = new Signer(asked.certs);
  const { dist } = asked;
  const validDays = readDays(asked['valid-for']);
  const debs = bring({ dist, folder: join(repo, 'apt/pool'), end: '.deb' }, epoch, signer);
  const rpms = bring({ dist, folder: join(repo, 'rpm'), end: '.rpm' }, epoch, signer);
  if (debs + rpms === 0) throw new Fault(`Cannot find a package in ${asked.dist}: run make packages first`);
  writeFileSync(join(repo, 'banshare.asc'), signer.publicKey('text'));
  writeFileSync(join(repo, 'banshare.gpg'), signer.publicKey('binary'));
  if (debs > 0) layAptRepository(join(repo, 'apt'), timesOf(epoch, validDays), signer);
  if (rpms > 0) layRpmRepository(join(repo, 'rpm'), epoch, signer);
  for (const [name, text] of Object.entries(SOURCES)) writeFileSync(join(repo, name), text);
  tell(
    `Made ${repo} with ${debs} .deb and ${rpms} .rpm of this generation, signed by the key in certs/repository.gpg_secret.`,
  );
  if (validDays !== undefined)
    tell(
      `apt refuses the lists ${validDays} days from now: run make repository VALID_FOR=${validDays}d again before, also where nothing is new.`,
    );
  tell(
    'Next: let a web server serve that folder. banshare.sources and banshare.repo in it are for hosts, with its address put in; bring them the key, banshare.gpg or banshare.asc, by ssh, since whoever serves the folder could serve another.',
  );
});

/** How long the lists shall count, in days; for ever without a word. */
function readDays(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const days = /^([1-9][0-9]{0,3})d$/.exec(text)?.[1];
  if (days === undefined)
    throw new Fault(`Cannot make lists that count for "${text}": say days, as in VALID_FOR=30d`);
  return Number(days);
}

/** Lists that end are of the day on which they were signed: those of a generation of last year would have ended already. */
function timesOf(epoch: number, days: number | undefined): RepositoryTimes {
  if (days === undefined) return { files: epoch, signed: epoch, until: undefined };
  const signed = Math.floor(wallSeconds());
  return { files: epoch, signed, until: signed + days * 86_400 };
}

/** Copies what dist/ has into the repository, rpms with a signature of their own, and returns how many there were. */
function bring(
  at: { dist: string; folder: string; end: '.deb' | '.rpm' },
  epoch: number,
  signer: Signer,
): number {
  const { dist, folder, end } = at;
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(dist).filter((name) => name.startsWith('banshare-') && name.endsWith(end));
  const paths = names.map((name) => join(dist, name));
  const [other] = otherBytes(
    paths.filter((path) => !isRuntime(path)),
    folder,
  );
  if (other !== undefined)
    throw new Fault(
      `Cannot put ${other} into the repository: it is there with other bytes, and hosts that have that version would never take these. make packages REVISION=2 (or one more than before) makes a version that they take; or make regen`,
    );
  for (const path of paths) {
    const to = join(folder, basename(path));
    // Signed anew, a file that hosts may be fetching would be another.
    if (!existsSync(to) || !isSame(path, to) || (end === '.rpm' && !isSigned(to))) {
      copyFileSync(path, to);
      if (end === '.rpm') signer.signRpm(to);
    }
    // The lists for rpm systems tell it, and shall be the same when they are laid again.
    utimesSync(to, epoch, epoch);
  }
  return names.length;
}

function isSigned(rpm: string): boolean {
  const words = ['-qp', '--nosignature', '--queryformat', '%{RSAHEADER}', rpm];
  return runTool('rpm', 'rpm', words) !== '(none)';
}

function layRpmRepository(folder: string, epoch: number, signer: Signer): void {
  if (!hasTool('createrepo_c'))
    return tell('Makes no repository of .rpm: createrepo_c is not here (apt-get install createrepo-c)');
  const time = String(epoch);
  const words = '--quiet --update --set-timestamp-to-revision --no-database --revision'.split(' ');
  runTool('createrepo_c', 'createrepo-c', [...words, time, folder]);
  const list = join(folder, 'repodata/repomd.xml');
  signer.sign(list, `${list}.asc`, 'apart');
}
