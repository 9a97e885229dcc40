import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { thisArchitecture } from './parts.ts';
import { ROOT } from '../say.ts';

/** The licence texts of everything that the bundles hold, the addon and the runtime; they travel with the programs. */
export function licences(metafiles: readonly Metafile[]): string {
  const packages = new Set(['zeromq', `node-linux-${thisArchitecture()}`]);
  for (const path of metafiles.flatMap((each) => Object.keys(each.inputs))) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    if (name !== undefined) packages.add(name);
  }
  return [...packages].toSorted().map(licencesOf).join('\n');
}

function licencesOf(name: string): string {
  const folder = join(ROOT, 'node_modules', name);
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying)/i.test(file));
  return files
    .map((file) => `==== ${name}: ${file}\n\n${readFileSync(join(folder, file), 'utf8')}`)
    .join('\n');
}
