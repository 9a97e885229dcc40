import { createHash } from 'node:crypto';
import { basename, join, parse, relative } from 'node:path';
import type { Fleet } from '@banshare/runtime';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { Fault, ROOT } from './say.ts';

export type Program = {
  readonly name: 'server' | 'client' | 'report';
  readonly entry: string;
  /** The file that the launcher starts. */
  readonly bundle: string;
  readonly format: 'esm' | 'cjs';
};

export const PROGRAMS: readonly Program[] = [
  { name: 'server', entry: 'packages/server/src/main.ts', bundle: 'server.mjs', format: 'esm' },
  { name: 'client', entry: 'packages/client/src/main.ts', bundle: 'client.mjs', format: 'esm' },
  { name: 'report', entry: 'packages/report/src/main.ts', bundle: 'report.cjs', format: 'cjs' },
];

/** What a bundle is told at build time; nothing in it is secret. */
export type Baked = { readonly fleet: Fleet; readonly version: string };
export type Bundle = {
  readonly files: readonly BundleFile[];
  /** Of the bundle, then of each chunk that was built apart. */
  readonly metafiles: readonly Metafile[];
};
type BundleFile = { readonly name: string; readonly text: string };

/** Bundles one program; its files come in the order in which they may be put in place, the bundle itself last. */
export async function bundle(program: Program, baked: Baked): Promise<Bundle> {
  const chunks = new Map<string, string>();
  const waiting = new Map([[program.name as string, join(ROOT, program.entry)]]);
  const files: BundleFile[] = [];
  const metafiles: Metafile[] = [];
  for (const [name, path] of waiting) {
    const lazily = program.format === 'cjs' ? [lazyChunks(program.name, chunks)] : [];
    const built = await build({ ...options(program, baked, lazily), entryPoints: { [name]: path } }).catch(
      (cause) => {
        // esbuild has said why.
        throw new Fault(`Cannot build banshare-${program.name} from ${program.entry}`, { cause });
      },
    );
    files.unshift(...built.outputFiles.map((file) => ({ name: basename(file.path), text: file.text })));
    metafiles.push(built.metafile);
    for (const [chunk, source] of chunks) waiting.set(chunk, source);
  }
  files.sort((a, b) => Number(a.name === program.bundle) - Number(b.name === program.bundle));
  return { files, metafiles };
}

/**
 * The daemons are ESM: yargs 18 breaks in a CJS bundle, and what they import lazily becomes chunks of their own. The
 * reporter is CJS, which starts 3 ms faster.
 */
function options(program: Program, { fleet, version }: Baked, more: readonly Plugin[]) {
  const esm = program.format === 'esm';
  return {
    absWorkingDir: ROOT,
    outdir: 'dist/lib/banshare',
    write: false,
    bundle: true,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: program.format,
    splitting: esm,
    outExtension: { '.js': esm ? '.mjs' : '.cjs' },
    chunkNames: `${program.name}-[name]-[hash]`,
    ...(esm ? { banner: { js: COMMONJS_REQUIRE } } : { supported: { 'dynamic-import': false } }),
    // Not minified: a crash prints the line it happened in, and a stack names what the source names.
    legalComments: 'none',
    charset: 'utf8',
    define: {
      __BANSHARE_FLEET__: JSON.stringify(fleet),
      __BANSHARE_VERSION__: JSON.stringify(version),
      ...(esm ? COMMONJS_FOLDER : {}),
    },
    plugins: [addonBesideBundle, ...more],
    logLevel: 'warning',
  } satisfies BuildOptions;
}

/** CommonJS modules inside an ESM bundle expect these names; the folder's are replaced, since yargs declares its own. */
const COMMONJS_REQUIRE =
  "import { createRequire as $createRequire } from 'node:module';\nconst require = $createRequire(import.meta.url);";
const COMMONJS_FOLDER = { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' };

/**
 * zeromq looks through a manifest of all its builds for one that fits. Ours lies beside the bundle, and is the only one.
 */
const addonBesideBundle: Plugin = {
  name: 'addon-beside-bundle',
  setup(build) {
    build.onLoad({ filter: /[\\/]zeromq[\\/]lib[\\/]load-addon\.js$/ }, () => ({
      contents: 'exports.__esModule = true; exports.default = require("./zeromq.node");',
    }));
    build.onResolve({ filter: /^\.\/zeromq\.node$/ }, () => ({ path: './zeromq.node', external: true }));
  },
};

/**
 * esbuild splits ESM only. In the reporter each `import()` becomes a `require` of a file of its own, which is collected in
 * `chunks` (name to source) and built apart: what a report does not need is then not even read.
 */
function lazyChunks(program: string, chunks: Map<string, string>): Plugin {
  const inner = { inner: true };
  return {
    name: 'lazy-chunks',
    setup(build) {
      build.onResolve({ filter: /./ }, async (asked) => {
        if (asked.kind !== 'dynamic-import' || asked.pluginData === inner) return undefined;
        const { importer, kind, resolveDir } = asked;
        const found = await build.resolve(asked.path, { importer, kind, resolveDir, pluginData: inner });
        if (found.external || found.errors.length > 0) return found;
        const hash = createHash('sha256').update(relative(ROOT, found.path)).digest('hex').slice(0, 8);
        const name = `${program}-${parse(found.path).name}-${hash}`;
        chunks.set(name, found.path);
        return { path: `./${name}.cjs`, external: true };
      });
    },
  };
}
