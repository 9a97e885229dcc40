import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './fresh-build.ts';

/** A .deb with something else in it, as another version would have: `change` gets the folder in which it lies unpacked. */
export function repack(deb: string, into: string, version: string, change: (root: string) => void): string {
  const root = `${into}.root`;
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  must('dpkg-deb', '-R', deb, root);
  edit(join(root, 'DEBIAN/control'), (text) => text.replace(/^Version: .*$/m, `Version: ${version}`));
  rmSync(join(root, 'DEBIAN/md5sums'));
  change(root);
  must('dpkg-deb', '--root-owner-group', '-Zgzip', '-z1', '--build', root, into);
  rmSync(root, { recursive: true });
  return into;
}

/** Changes a file's text. */
export function edit(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

function must(command: string, ...words: string[]): void {
  const ran = run(command, words);
  if (ran.code !== 0) throw new Error(`${command} ended with ${ran.code}: ${ran.err}`);
}
