import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file that pages name. In the programs that are installed the build has put their texts here: see scripts/bundle.ts. */
export type Asset = { readonly path: string; readonly type: string; readonly text: string };

const TYPES = { 'page.css': 'text/css', 'page.js': 'text/javascript', 'icon.svg': 'image/svg+xml' } as const;

export const ASSETS: readonly Asset[] = Object.entries(TYPES).map(([name, type]) => ({
  path: `/${name}`,
  type: `${type}; charset=utf-8`,
  text: readFileSync(join(import.meta.dirname, name), 'utf8'),
}));

/** Changes with any of them, so that a browser may keep each for good. */
export const ASSETS_HASH = createHash('sha256')
  .update(ASSETS.map(({ text }) => text).join('\0'))
  .digest('hex')
  .slice(0, 12);
