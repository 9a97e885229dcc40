import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, join, parse } from 'node:path';
import type { NodeBuild } from '@banshare/protocol';
import type { Fleet } from '@banshare/runtime';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { namesOf, starter } from './report-code.ts';
import { Fault, ROOT } from '../say.ts';

export type Program = {
  readonly name: 'server' | 'client' | 'report';
  readonly entry: string;
  /** The file that the launcher starts. */
  readonly bundle: string;
  readonly format: 'esm' | 'cjs';
  /** What the launcher tells the runtime, each with a blank before it. */
  readonly flags: string;
};

/**
 * Room for all that one report allocates: it ends before the first collection, which would take 0.9 ms. And one thread beside it in
 * instead of four, which it would start and hardly use: 1 ms.
 */
const REPORT_FLAGS = ' --min-semi-space-size=4 --v8-pool-size=1';

/** zeromq.js warns whenever one socket binds a second endpoint with another key, which is what a generation is. */
const SERVER_FLAGS = ' --no-warnings';

/**
 * V8 grows its heap by what a burst of bans throws away, and never gives it back: a client that needs 12 MB of heap kept 304 MB after
 * 100,000 events, and keeps 103 MB so, for a fifth more of processor time in the burst.
 */
const CLIENT_FLAGS = ' --optimize-for-size';

export const PROGRAMS: readonly Program[] = [
  {
    name: 'server',
    entry: 'packages/server/src/main.ts',
    bundle: 'server.mjs',
    format: 'esm',
    flags: SERVER_FLAGS,
  },
  {
    name: 'client',
    entry: 'packages/client/src/main.ts',
    bundle: 'client.mjs',
    format: 'esm',
    flags: CLIENT_FLAGS,
  },
  {
    name: 'report',
    entry: 'packages/report/src/main.ts',
    bundle: 'report.cjs',
    format: 'cjs',
    flags: REPORT_FLAGS,
  },
];

/** The launcher knows it by this name. */
const COMPLETION = 'server-complete';

/** What a bundle is told at build time; nothing in it is secret. Without a fleet it is told all in its configuration, as from the sources. */
export type Baked = { readonly fleet?: Fleet; readonly version?: string; readonly node?: NodeBuild };
export type Bundle = {
  readonly files: readonly BundleFile[];
  readonly metafile: Metafile;
};
type BundleFile = { readonly name: string; readonly text: string };

/** Bundles one program; its files come in the order in which they may be put in place, the bundle itself last. */
export async function bundle(program: Program, baked: Baked): Promise<Bundle> {
  const built = await buildOf(program, baked).catch((cause) => {
    // esbuild has said why.
    throw new Fault(`Cannot build banshare-${program.name} from ${program.entry}`, { cause });
  });
  const files = built.outputFiles.map(({ path, text }) => ({ name: basename(path), text }));
  if (program.name === 'report') splitStarter(files, program.flags);
  if (program.name === 'server') files.push(await completion(baked));
  files.sort((a, b) => Number(a.name === program.bundle) - Number(b.name === program.bundle));
  return { files, metafile: built.metafile };
}

/** The reporter's text gets a name of its own, and report.cjs becomes what starts it: see report-code.ts. */
function splitStarter(files: { name: string; text: string }[], flags: string): void {
  const main = files.find(({ name }) => name === 'report.cjs');
  if (main === undefined) throw new Error('unreachable: it was built');
  const names = namesOf(main.text, flags);
  main.name = names.main;
  files.push({ name: 'report.cjs', text: starter(names) });
}

/** What completion asks is a file of its own, with nothing in it that it does not need: it starts in half the time. */
async function completion(baked: Baked): Promise<BundleFile> {
  const built = await build({
    ...common(baked),
    metafile: false,
    entryPoints: { [COMPLETION]: join(ROOT, 'packages/server/src/complete.ts') },
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
  });
  return { name: `${COMPLETION}.cjs`, text: built.outputFiles[0]?.text ?? '' };
}

function buildOf(program: Program, baked: Baked) {
  return program.format === 'esm' ? build(daemon(program, baked)) : build(reporter(program, baked));
}

/** What both kinds of bundle have in common. */
function common({ fleet, version, node }: Baked) {
  return {
    absWorkingDir: ROOT,
    outdir: 'dist/lib/banshare',
    write: false,
    bundle: true,
    metafile: true,
    platform: 'node',
    target: 'node24',
    // Not minified: a crash prints the line it happened in, and a stack names what the source names.
    legalComments: 'none',
    define: {
      ...(fleet && { __BANSHARE_FLEET__: JSON.stringify(fleet) }),
      ...(node && { __BANSHARE_NODE__: JSON.stringify(node) }),
      ...(version && { __BANSHARE_VERSION__: JSON.stringify(version) }),
    },
    logLevel: 'warning',
  } satisfies BuildOptions;
}

/** The daemons are ESM, since yargs 18 breaks in a CJS bundle; what they import lazily becomes chunks of their own. */
function daemon(program: Program, baked: Baked) {
  const { define, ...shared } = common(baked);
  return {
    ...shared,
    entryPoints: { [parse(program.bundle).name]: join(ROOT, program.entry) },
    format: 'esm',
    splitting: true,
    outExtension: { '.js': parse(program.bundle).ext },
    chunkNames: `${program.name}-[name]-[hash]`,
    banner: { js: COMMONJS_REQUIRE },
    charset: 'utf8',
    define: { ...define, ...COMMONJS_FOLDER },
    plugins: [addonBesideBundle, assetsInBundle, widthOfPlainText, silentDiagnostics, builtinsAsNeeded],
  } satisfies BuildOptions;
}

/**
 * The reporter starts once per ban. CJS starts 3 ms faster than ESM, and each further file costs 1 ms: it is one file, beside
 * which lie the parts that a plain report does not need.
 */
function reporter(program: Program, baked: Baked) {
  const parts = Object.values(REPORTER_PARTS).map(({ name, entry }) => [name, entry] as const);
  return {
    ...common(baked),
    entryPoints: { [program.name]: join(ROOT, program.entry), ...Object.fromEntries(parts) },
    format: 'cjs',
    outExtension: { '.js': parse(program.bundle).ext },
    // Also `import()` becomes a require: node's ESM loader would cost some milliseconds.
    supported: { 'dynamic-import': false },
    // One other character would double what V8 keeps of the text.
    charset: 'ascii',
    // Reporters neither log nor make keys.
    external: ['winston', 'libsodium-wrappers'],
    plugins: [addonBesideBundle, cryptoAtFirstUse, partsBesideBundle],
  } satisfies BuildOptions;
}

/** What the reporter imports lazily, and the files that this becomes. */
const REPORTER_PARTS: Readonly<Record<string, { name: string; entry: string }>> = {
  './help.ts': { name: 'report-help', entry: join(ROOT, 'packages/report/src/help.ts') },
  // Inside the one file it would have every module in a wrapper, and all of runtime loaded, with Node's net: 1 ms.
  './follow/follow-log.ts': {
    name: 'report-follow',
    entry: join(ROOT, 'packages/report/src/follow/follow-log.ts'),
  },
  'smol-toml': { name: 'report-toml', entry: 'smol-toml' },
};

const partsBesideBundle: Plugin = {
  name: 'parts-beside-bundle',
  setup(build) {
    build.onResolve({ filter: /^(\.\/(help|follow\/follow-log)\.ts|smol-toml)$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: `./${REPORTER_PARTS[path]?.name}.cjs`, external: true } : undefined,
    );
  },
};

/** CommonJS modules inside an ESM bundle expect these names; the folder's are replaced, since yargs declares its own. */
const COMMONJS_REQUIRE =
  "const require = (name) => process.getBuiltinModule(name) ?? process.getBuiltinModule('node:module').createRequire(import.meta.url)(name);";
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
 * yargs lays its help out by string-width, which makes a set of all emojis and a splitter of graphemes as it is loaded: 36 ms, a fifth of
 * what a command takes to start. Our texts hold letters that are one column wide.
 */
const widthOfPlainText: Plugin = {
  name: 'width-of-plain-text',
  setup(build) {
    build.onResolve({ filter: /^string-width$/ }, () => ({ path: 'string-width', namespace: 'plain-text' }));
    build.onLoad({ filter: /.*/, namespace: 'plain-text' }, () => ({
      contents:
        "import { stripVTControlCharacters } from 'node:util';\nexport default (text) => stripVTControlCharacters(text).length;",
    }));
  },
};

/** winston tells its own debugging by a library of colours, which takes a tenth of a daemon's start; nobody is told it by these programs. */
const silentDiagnostics: Plugin = {
  name: 'silent-diagnostics',
  setup(build) {
    build.onLoad({ filter: /[\\/]@dabh[\\/]diagnostics[\\/]node[\\/]index\.js$/ }, () => ({
      contents: 'module.exports = () => () => {};',
    }));
  },
};

/**
 * An `import` of one of Node's modules reads all that the module has, also what it loads only once it is asked for, such as fs's streams: a
 * sixth of what a command takes to start. This takes from each what is used here.
 */
const builtinsAsNeeded: Plugin = {
  name: 'builtins-as-needed',
  setup(build) {
    build.onResolve({ filter: /^(node:)?[a-z0-9/_]+$/ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => name !== 'default');
      return {
        contents: [
          `const builtin = process.getBuiltinModule('${path}');`,
          'export default builtin;',
          ...names.map((name) => `export const ${name} = /* @__PURE__ */ (() => builtin.${name})();`),
        ].join('\n'),
      };
    });
  },
};

/** The files of the page become texts of the bundle: nothing is read beside it, and no build step is left for later. */
const assetsInBundle: Plugin = {
  name: 'assets-in-bundle',
  setup(build) {
    build.onLoad({ filter: /[\\/]web[\\/]assets[\\/]assets\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        "readFileSync(join(import.meta.dirname, name), 'utf8')",
        `${JSON.stringify(assetTexts(dirname(path)))}[name]`,
      ),
      loader: 'ts',
    }));
  },
};

function assetTexts(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder).filter((name) => !name.endsWith('.ts'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

const CRYPTO_NAMES = [
  'createHash',
  'createHmac',
  'createPrivateKey',
  'createPublicKey',
  'createSecretKey',
  'diffieHellman',
  'hkdfSync',
  'randomBytes',
  'sign',
  'timingSafeEqual',
  'verify',
];

/**
 * The reporter needs node:crypto only where the key of its MACs is not kept, once it is connecting; loading it takes 3 ms, as
 * long as the handshake that runs beside it in libzmq's own thread. A name that is missing here fails the build.
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
      contents: CRYPTO_NAMES.map(
        (name) => `export const ${name} = (...words) => require('node:crypto').${name}(...words);`,
      ).join('\n'),
    }));
  },
};
