// V8 takes 5 ms to compile what one report runs, of 35 in all. So the reporter's text lies beside the code that V8 made of
// it here, and report.cjs, which starts both, lets V8 compile anew where that code does not fit. V8 compares texts by
// their length only: the hash in the names keeps a text and the code of another one apart. A snapshot of V8's heap instead
// of both was tried: the runtime takes 8 ms longer to start with one of its own than with that in its program.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { dirname, join } from 'node:path';
import { Router } from 'zeromq';
import { encodeReply, parseHostName } from '@banshare/protocol';
import { hostPaths, keepMacKey, writeServerNote } from '@banshare/runtime';
import {
  Mac,
  MAC_BYTES,
  makeCurvePair,
  makeIdentity,
  portOf,
  writeHostKey,
  type CurvePair,
} from '@banshare/transport';
import { Fault } from '../say.ts';

/** The names of the text and of its code, without the architecture: another runtime or other flags make other code. */
export function namesOf(text: string, flags: string): { main: string; code: string } {
  const hash = createHash('sha256').update(`${process.version} ${flags}\n${text}`).digest('hex').slice(0, 12);
  return { main: `report-main-${hash}.cjs`, code: `report-code-${hash}` };
}

/** The text of report.cjs. */
export function starter({ main, code }: { main: string; code: string }): string {
  return `// Runs the text beside it with the code that V8 made of it when banshare was built.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const filename = \`\${__dirname}/${main}\`;
let cachedData;
try {
  cachedData = readFileSync(\`\${__dirname}/${code}-\${process.arch}.bin\`);
} catch {
  // Then V8 compiles the text.
}
const text = readFileSync(filename, 'latin1');
const script = new Script(\`(function (exports, require, module, __filename, __dirname) {\${text}\\n})\`, { filename, cachedData });
script.runInThisContext()(exports, require, module, filename, __dirname);
`;
}

/**
 * V8 orders what it writes by a hash whose seed is another for each process, unless it is told one, and notes which functions its
 * first compiler, which works beside them, has before it just then.
 */
const SAME_EACH_TIME = ['--hash-seed=1', '--no-sparkplug'];
/** Where V8 writes down by which flags code was made, behind what it checks of version and text; see SerializedCodeData in V8. */
const [FLAGS_AT, FLAGS_END, HEAD_END] = [12, 16, 20];

/**
 * The code of the reporter in a library folder, made by having it send one report to a server of this script's own: by MAC, as
 * most reports go, and signed when that is refused, so that the code of both ways is there. The same text and runtime give the same
 * bytes: V8 makes it by flags of this script's own, and so it is marked as made by those that the reporter runs with, which
 * change nothing of it. Whether V8 takes it so is tried; where not, V8 has made it its own way.
 * @param takesMac whether the report goes by MAC alone. @throws Fault when that report fails.
 */
export async function makeCode(
  library: string,
  flags: readonly string[],
  start: string,
  takesMac = false,
): Promise<Buffer> {
  const usual = await codeOf(library, flags, start, takesMac);
  const same = await codeOf(library, [...flags, ...SAME_EACH_TIME], start, takesMac);
  const isAsExpected =
    same.subarray(0, FLAGS_AT).equals(usual.subarray(0, FLAGS_AT)) &&
    same.subarray(FLAGS_END, HEAD_END).equals(usual.subarray(FLAGS_END, HEAD_END));
  if (!isAsExpected) return usual;
  usual.copy(same, FLAGS_AT, FLAGS_AT, FLAGS_END);
  return (await isTaken(library, flags, start, same)) ? same : usual;
}

async function codeOf(
  library: string,
  flags: readonly string[],
  start: string,
  takesMac: boolean,
): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-code-'));
  const keys = await makeCurvePair();
  const server = new Router({ linger: 0, curveServer: true, curveSecretKey: keys.secretKey });
  try {
    await server.bind('tcp://127.0.0.1:*');
    void answer(server, takesMac);
    await writeHost(folder, portOf(server.lastEndpoint ?? ''), keys);
    const out = join(folder, 'code.bin');
    const hook = `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(out)}, script.createCachedData()));\n`;
    // No code that lies there already: what is made of it would be another.
    // V8 writes the name of the file too, which may stand anywhere, and asks nobody for it.
    const text = start
      .replace('cachedData = readFileSync', 'void readFileSync')
      .replace('{ filename, ', "{ filename: 'report-main.cjs', ")
      .replace('script.runIn', `${hook}script.runIn`);
    await runMaker(library, flags, text, ['--root', folder, 'fail2ban', 'sshd', '192.0.2.1']);
    return readFileSync(out);
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether V8 takes this code for the text with these flags. */
async function isTaken(
  library: string,
  flags: readonly string[],
  start: string,
  code: Buffer,
): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-code-'));
  try {
    const file = join(folder, 'code.bin');
    writeFileSync(file, code);
    const tried = start
      .replace(/readFileSync\([^;]*\.bin[^;]*\);/, `readFileSync(${JSON.stringify(file)});`)
      .replace(/script\.runIn.*/s, 'process.stdout.write(String(script.cachedDataRejected));\n');
    return (await runMaker(library, flags, tried, [])) === 'false';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a text in the place of report.cjs, and returns what it prints. */
async function runMaker(
  library: string,
  flags: readonly string[],
  text: string,
  words: readonly string[],
): Promise<string> {
  const maker = join(library, `report.${process.pid}.maker.cjs`);
  writeFileSync(maker, text);
  try {
    return await run(join(library, 'node'), [...flags, maker, ...words]);
  } finally {
    rmSync(maker);
  }
}

const TO_BE_IN_MS = 100;

async function answer(server: Router, takesMac: boolean): Promise<void> {
  try {
    for await (const [peer = '', delimiter = '', , body, seal] of server) {
      const { id } = JSON.parse(String(body)) as { id: string };
      const common = { id, now: Date.now() / 1000 };
      const reply =
        seal?.length === MAC_BYTES && !takesMac
          ? encodeReply({ ...common, status: 'REFUSED', verdict: 'refused', code: 'signature' })
          : encodeReply({ ...common, status: 'OK', verdict: 'accepted', seq: 1 });
      // The reporter hears from libzmq that it is in, on a way of its own: by then that has come, and its code too is always there.
      await delay(TO_BE_IN_MS);
      await server.send([peer, delimiter, ...reply]);
    }
  } catch {
    // Closed.
  }
}

async function writeHost(root: string, port: number, keys: CurvePair): Promise<void> {
  const name = parseHostName('builder');
  if (!name.ok) throw new Error('unreachable: that is a name');
  mkdirSync(join(root, 'etc/banshare/keys'), { recursive: true, mode: 0o700 });
  const identity = await makeIdentity();
  writeHostKey(join(root, 'etc/banshare/keys/host'), identity, name.value);
  const { serverAddress, macKey } = hostPaths(root);
  mkdirSync(dirname(serverAddress), { recursive: true, mode: 0o700 });
  writeServerNote(serverAddress, {
    servers: [{ name: '127.0.0.1', ip: '127.0.0.1' }],
    macKey: keys.publicKey,
  });
  const between = { host: identity.publicHex, server: keys.publicKey };
  keepMacKey(macKey, between, new Mac(identity.curve.secretKey, keys.publicKey).keyHex);
  writeFileSync(
    join(root, 'etc/banshare/client.toml'),
    `server = "127.0.0.1"\nreport-port = ${port}\npublish-port = 1\nserver-public-key = "${keys.publicKey}"\n[report]\ntimeout = "20s"\n`,
  );
}

async function run(command: string, words: readonly string[]): Promise<string> {
  const env = { ...process.env, OPENSSL_CONF: '/dev/null', NODE_OPTIONS: '' };
  const child = spawn(command, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  let said = '';
  child.stdout.on('data', (chunk) => (printed += String(chunk)));
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0 || said !== '')
    throw new Fault(`Cannot make the reporter's code: it ended with ${code}: ${said}`);
  return printed;
}
