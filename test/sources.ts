import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/** What a source imports: another file by its path, or a package. */
export type Import = { what: string; lazy: boolean; typeOnly: boolean };
/** A file of `packages/`, by its path below that. */
export type Source = { path: string; package: string; text: string };

export const sources: Source[] = globSync('packages/*/{src,test}/**/*.ts', { cwd: ROOT }).map((path) => ({
  path: path.slice('packages/'.length),
  package: path.split('/')[1] ?? '',
  text: readFileSync(join(ROOT, path), 'utf8'),
}));
/** The imports of a source as prettier lays it out; comments are left out, and a computed import is called so. */
export function imports(text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  for (const match of code.matchAll(/^(?:import|export)\b(\s+type\b)?[^;'"]*?from\s*(['"])(.+?)\2/gm)) {
    found.push({ what: match[3] ?? '', lazy: false, typeOnly: match[1] !== undefined });
  }
  for (const match of code.matchAll(/^import\s+(['"])(.+?)\1/gm)) {
    found.push({ what: match[2] ?? '', lazy: false, typeOnly: false });
  }
  for (const match of code.matchAll(/(\btypeof\s+)?\bimport\(\s*(?:(['"])(.+?)\2)?/g)) {
    found.push({ what: match[3] ?? 'a computed name', lazy: true, typeOnly: match[1] !== undefined });
  }
  return found;
}
