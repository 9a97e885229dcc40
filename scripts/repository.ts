// Lays a signed repository for apt and for rpm systems in dist/repo, of the packages in dist/: any plain web server may serve the folder.
// Packages of earlier generations stay there, for the way back.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { layAptRepository } from './making/packages/apt-repository.ts';
import { hasTool, runTool } from './making/packages/run-tool.ts';
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
gpgcheck=0
repo_gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-banshare
`,
};

await orExit(() => {
  const { values: asked } = parseArgs({
    options: {
      certs: { type: 'string', default: join(ROOT, 'certs') },
      dist: { type: 'string', default: join(ROOT, 'dist') },
    },
  });
  finishGeneration(asked.certs);
  const epoch = epochOf(readGeneration(asked.certs));
  const repo = join(asked.dist, 'repo');
  using signer = new Signer(asked.certs);
  const debs = bring(asked.dist, join(repo, 'apt/pool'), '.deb', epoch);
  const rpms = bring(asked.dist, join(repo, 'rpm'), '.rpm', epoch);
  if (debs + rpms === 0) throw new Fault(`Cannot find a package in ${asked.dist}: run make packages first`);
  writeFileSync(join(repo, 'banshare.asc'), signer.publicKey('text'));
  writeFileSync(join(repo, 'banshare.gpg'), signer.publicKey('binary'));
  if (debs > 0) layAptRepository(join(repo, 'apt'), epoch, signer);
  if (rpms > 0) layRpmRepository(join(repo, 'rpm'), epoch, signer);
  for (const [name, text] of Object.entries(SOURCES)) writeFileSync(join(repo, name), text);
  tell(
    `Made ${repo} with ${debs} .deb and ${rpms} .rpm of this generation, signed by the key in certs/repository.gpg_secret.`,
  );
  tell(
    'Next: let a web server serve that folder. banshare.sources and banshare.repo in it are for hosts, with its address put in; bring them the key, banshare.gpg or banshare.asc, by ssh, since whoever serves the folder could serve another.',
  );
});

/** Copies what dist/ has into the repository, and returns how many there were. */
function bring(dist: string, folder: string, end: '.deb' | '.rpm', epoch: number): number {
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(dist).filter((name) => name.startsWith('banshare-') && name.endsWith(end));
  for (const name of names) {
    const [from, to] = [join(dist, name), join(folder, name)];
    // The runtime's version says what is in it; what lies around that is of no account.
    const isFixed = !name.startsWith('banshare-runtime') && existsSync(to);
    if (isFixed && !readFileSync(to).equals(readFileSync(from)))
      throw new Fault(
        `Cannot put ${name} into the repository: it is there with other bytes, and hosts that have that version would never take these. make regen, or raise the version, then make packages`,
      );
    copyFileSync(from, to);
    // The lists for rpm systems tell it, and shall be the same when they are laid again.
    utimesSync(to, epoch, epoch);
  }
  return names.length;
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
