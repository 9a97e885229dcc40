import { join } from 'node:path';
import { build } from 'esbuild';
import { addonBesideBundle } from '../making/bundle.ts';

/** Bundles the reference programs beside the real ones, so that they load the same addon from the same folder. */
export async function buildBare(library: string): Promise<(name: string) => string> {
  const names = ['request', 'echo', 'chain', 'subscriber'];
  const common = { outdir: library, bundle: true, platform: 'node', target: 'node24' } as const;
  const path = (name: string): string => join(import.meta.dirname, 'bare', `${name}.ts`);
  await build({
    ...common,
    entryPoints: { 'bare-request': path('request') },
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    plugins: [addonBesideBundle],
  });
  await build({
    ...common,
    entryPoints: Object.fromEntries(names.slice(1).map((name) => [`bare-${name}`, path(name)])),
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
    plugins: [addonBesideBundle],
  });
  return (name) => join(library, `bare-${name}.${name === 'request' ? 'cjs' : 'mjs'}`);
}
