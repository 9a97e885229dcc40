import { basename, join, parse } from 'node:path';
import type { Fleet } from '@banshare/runtime';
import { build, transform, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
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
  readonly metafile: Metafile;
};
type BundleFile = { readonly name: string; readonly text: string };

/** Bundles one program; its files come in the order in which they may be put in place, the bundle itself last. */
export async function bundle(program: Program, baked: Baked): Promise<Bundle> {
  const built = await build(options(program, baked)).catch((cause) => {
    // esbuild has said why.
    throw new Fault(`Cannot build banshare-${program.name} from ${program.entry}`, { cause });
  });
  const files: BundleFile[] = [];
  for (const { path, text } of built.outputFiles)
    files.push({ name: basename(path), text: program.format === 'esm' ? text : await asCommonJs(text) });
  files.sort((a, b) => Number(a.name === program.bundle) - Number(b.name === program.bundle));
  return { files, metafile: built.metafile };
}

/**
 * What a program imports lazily becomes chunks of its own. The daemons stay ESM: yargs 18 breaks in a CJS bundle. The
 * reporter becomes CJS, which starts 3 ms faster, but only afterwards: esbuild splits nothing else than ESM.
 */
function options(program: Program, { fleet, version }: Baked) {
  const extension = parse(program.bundle).ext;
  return {
    absWorkingDir: ROOT,
    entryPoints: { [program.name]: join(ROOT, program.entry) },
    outdir: 'dist/lib/banshare',
    write: false,
    bundle: true,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    splitting: true,
    outExtension: { '.js': extension },
    chunkNames: `${program.name}-[name]-[hash]`,
    ...(program.format === 'esm' ? { banner: { js: COMMONJS_REQUIRE } } : {}),
    // Not minified: a crash prints the line it happened in, and a stack names what the source names.
    legalComments: 'none',
    charset: 'utf8',
    define: {
      __BANSHARE_FLEET__: JSON.stringify(fleet),
      __BANSHARE_VERSION__: JSON.stringify(version),
      ...(program.format === 'esm' ? COMMONJS_FOLDER : {}),
    },
    // Reporters neither log nor make keys: named as external, these two leave no chunks behind.
    external: program.format === 'esm' ? [] : ['winston', 'libsodium-wrappers'],
    plugins: program.format === 'esm' ? [addonBesideBundle] : [addonBesideBundle, cryptoAtFirstUse],
    logLevel: 'warning',
  } satisfies BuildOptions;
}

async function asCommonJs(text: string): Promise<string> {
  const done = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    // Also `import()` becomes a require: node's ESM loader would cost some milliseconds.
    supported: { 'dynamic-import': false },
    // One other character would double what V8 keeps of the text.
    charset: 'ascii',
  });
  return done.code;
}

/** CommonJS modules inside an ESM bundle expect these names; the folder's are replaced, since yargs declares its own. */
const COMMONJS_REQUIRE =
  "import { createRequire as $createRequire } from 'node:module';\nconst require = $createRequire(import.meta.url);";
const COMMONJS_FOLDER = { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' };

/**
 * zeromq looks through a manifest of all its builds for one that fits. Ours lies beside the bundle, and is the only one.
 */
export const addonBesideBundle: Plugin = {
  name: 'addon-beside-bundle',
  setup(build) {
    build.onLoad({ filter: /[\\/]zeromq[\\/]lib[\\/]load-addon\.js$/ }, () => ({
      contents: 'exports.__esModule = true; exports.default = require("./zeromq.node");',
    }));
    build.onResolve({ filter: /^\.\/zeromq\.node$/ }, () => ({ path: './zeromq.node', external: true }));
  },
};

/**
 * The reporter needs node:crypto only once it is connecting; loading it takes 3 ms, as long as the handshake that runs
 * beside it in libzmq's own thread. A name that is missing here fails the build.
 */
const cryptoAtFirstUse: Plugin = {
  name: 'crypto-at-first-use',
  setup(build) {
    build.onResolve({ filter: /^node:crypto$/ }, ({ namespace }) =>
      namespace === 'at-first-use'
        ? { path: 'node:crypto', external: true }
        : { path: 'crypto', namespace: 'at-first-use' },
    );
    build.onLoad({ filter: /.*/, namespace: 'at-first-use' }, () => ({
      contents: ['createHash', 'createPrivateKey', 'createPublicKey', 'randomBytes', 'sign', 'verify']
        .map((name) => `export const ${name} = (...words) => require('node:crypto').${name}(...words);`)
        .join('\n'),
    }));
  },
};
