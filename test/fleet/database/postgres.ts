import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ownedFolder } from '../owned-folder.ts';
import { takePort } from '../ports.ts';
import { untilAnswered, within } from '../within.ts';

const DEBIAN = '/usr/lib/postgresql';
/** Users that no service of this machine needs, where a test is run by root: PostgreSQL refuses to be root's. */
const ORDINARY = /^(?:postgres|nobody):[^:]*:(\d+):(\d+):/m;

/** No test cuts the power: what a killed process has written is there. What measures has PostgreSQL as users have it. */
const QUICK = { fsync: 'off', full_page_writes: 'off', shared_buffers: '16MB' };

type Server = ChildProcessByStdio<null, null, Readable>;
const running = new Set<Server>();
/** Those that a test has told to end. */
const told = new WeakSet<Server>();
process.once('exit', () => {
  for (const server of running) server.kill('SIGQUIT');
});
// So does one that is told to end, as by the runner at its time limit.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

/** Why PostgreSQL cannot be started here, as node:test's `skip` takes it: a sentence, or false when it can. */
export function postgresSkip(): string | false {
  return folderOfPrograms() === undefined
    ? 'it needs PostgreSQL 15 or later (Debian package: postgresql)'
    : false;
}

/** A real PostgreSQL in a folder of its own, on a loopback port, without a password: no service of the machine's. */
export class Postgres implements AsyncDisposable {
  readonly port = takePort();
  readonly #folder: string;
  #server: Server | undefined;
  #trusting: string | undefined;
  readonly #isQuick: boolean;

  private constructor(isQuick: boolean) {
    this.#isQuick = isQuick;
    this.#folder = ownedFolder('banshare-postgres-');
    const { uid, gid } = ordinaryUser();
    if (uid !== undefined) chownSync(this.#folder, uid, gid ?? uid);
    process.once('exit', this.#remove);
  }

  /** One with a database and a user called banshare; quick is what writes nothing through to the disk. */
  static async start({ isQuick = true } = {}): Promise<Postgres> {
    const made = new Postgres(isQuick);
    try {
      made.#begin();
      await made.run();
      made.sql('CREATE ROLE banshare LOGIN');
      made.sql('CREATE DATABASE banshare OWNER banshare');
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  #begin(): void {
    runAs(
      'initdb',
      '-D',
      this.#data,
      '-U',
      'postgres',
      '--auth=trust',
      '--no-sync',
      '--locale=C',
      '--encoding=UTF8',
      '--no-instructions',
      '--wal-segsize=1',
    );
    this.#settings({ max_wal_senders: '4' });
  }

  /** Another one that follows this one, as NAME of synchronous_standby_names. */
  async standby(name: string): Promise<Postgres> {
    const made = new Postgres(this.#isQuick);
    try {
      made.#copy(this.port, name);
      await made.run();
      const look = `SELECT 1 FROM pg_stat_replication WHERE application_name = '${name}' AND state = 'streaming'`;
      const streams = async (): Promise<string | undefined> => this.sql(look) || undefined;
      await untilAnswered(streams, 20_000, () => 'a standby that follows');
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  #copy(port: number, name: string): void {
    const from = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres'];
    runAs('pg_basebackup', '-D', this.#data, ...from, '-c', 'fast', '--no-sync');
    writeFileSync(join(this.#data, 'standby.signal'), '');
    this.#settings({
      primary_conninfo: `host=127.0.0.1 port=${port} user=postgres application_name=${name}`,
      // Back at once after its primary was away.
      wal_retrieve_retry_interval: '100ms',
    });
  }

  /** Has its folder copied while it stands still, runs again, and returns what puts the copy back, without all that came later. */
  async keep(): Promise<() => Promise<void>> {
    const kept = `${this.#data}.kept`;
    await this.stop('SIGINT');
    cpSync(this.#data, kept, { recursive: true, preserveTimestamps: true });
    giveAll(kept);
    await this.run();
    return async () => {
      await this.stop('SIGINT');
      rmSync(this.#data, { recursive: true });
      renameSync(kept, this.#data);
      await this.run();
    };
  }

  get url(): string {
    return `postgres://127.0.0.1:${this.port}/banshare`;
  }

  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  /** Starts it, as after a kill. */
  async run(): Promise<void> {
    const [command = '', ...words] = asOrdinary(
      program('postgres'),
      '-D',
      this.#data,
      '-p',
      String(this.port),
    );
    const server = spawn(command, words, { stdio: ['ignore', 'ignore', 'pipe'], env: environment() });
    this.#server = server;
    running.add(server);
    const ready = Promise.withResolvers<void>();
    const said: string[] = [];
    createInterface(server.stderr).on('line', (line) => {
      said.push(line);
      if (line.includes('database system is ready to accept')) ready.resolve();
    });
    server.once('exit', (code, signal) => {
      const ended = `PostgreSQL ended (${signal ?? code}); it said:\n${said.slice(-10).join('\n')}`;
      // Nobody waits for that: what fails then would be told without its cause.
      running.delete(server);
      if (!told.has(server)) console.error(ended);
      ready.reject(new Error(ended));
    });
    await within(ready.promise, 30_000, () => `PostgreSQL; it said:\n${said.slice(-10).join('\n')}`);
  }

  /** What its superuser's statements answer, a line a row, columns between `|`. */
  sql(text: string, database = 'postgres'): string {
    return runAs(
      'psql',
      '-X',
      '-h',
      '127.0.0.1',
      '-p',
      String(this.port),
      '-U',
      'postgres',
      '-d',
      database,
      '-qAtv',
      'ON_ERROR_STOP=1',
      '-c',
      text,
    );
  }

  /** Sets what is read anew while it runs. */
  set(settings: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(settings)) this.sql(`ALTER SYSTEM SET ${name} = '${value}'`);
    this.sql('SELECT pg_reload_conf()');
  }

  /** Puts lines of pg_hba.conf before those that trust everybody; earlier ones go. */
  ask(...lines: readonly string[]): void {
    const path = join(this.#data, 'pg_hba.conf');
    this.#trusting ??= readFileSync(path, 'utf8');
    writeFileSync(path, `${lines.join('\n')}\n${this.#trusting}`);
    this.sql('SELECT pg_reload_conf()');
  }

  /** Lays a file into its folder that only it may read. */
  lay(name: string, content: Buffer): void {
    const path = join(this.#data, name);
    writeFileSync(path, content, { mode: 0o600 });
    const { uid, gid } = ordinaryUser();
    if (uid !== undefined) chownSync(path, uid, gid ?? uid);
  }

  async stop(signal: NodeJS.Signals = 'SIGQUIT'): Promise<void> {
    const server = this.#server;
    if (server === undefined || !running.has(server)) return;
    const ended = once(server, 'exit');
    told.add(server);
    server.kill(signal);
    await within(ended, 30_000, () => 'the end of PostgreSQL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    process.off('exit', this.#remove);
    this.#remove();
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  readonly #remove = (): void => rmSync(this.#folder, { recursive: true, force: true });

  #settings(settings: Readonly<Record<string, string>>): void {
    const quick = this.#isQuick ? QUICK : {};
    const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...quick, ...settings };
    const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`);
    writeFileSync(join(this.#data, 'postgresql.conf'), lines.join(''));
    // What a copy has of the one that it was made of.
    writeFileSync(join(this.#data, 'postgresql.auto.conf'), '');
  }
}

/** A folder of the ordinary user's, gone when the test ends. */
export class OrdinaryFolder implements Disposable {
  readonly path: string;
  readonly #remove = (): void => rmSync(this.path, { recursive: true, force: true });

  constructor(prefix: string) {
    this.path = ownedFolder(prefix);
    this.give(this.path);
    process.once('exit', this.#remove);
  }

  /** Gives a file in it to that user. */
  give(path: string): void {
    const { uid, gid } = ordinaryUser();
    if (uid !== undefined) chownSync(path, uid, gid ?? uid);
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#remove);
    this.#remove();
  }
}

/** Newest first. */
export function folderOfPrograms(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const versions = readdirSync(DEBIAN).filter((name) => Number(name) >= 15);
  return versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((name) => join(DEBIAN, name, 'bin'))
    .find((path) => existsSync(join(path, 'initdb')));
}

function program(name: string): string {
  return join(folderOfPrograms() ?? '', name);
}

function ordinaryUser(): { uid: number | undefined; gid: number | undefined } {
  if (process.getuid?.() !== 0) return { uid: undefined, gid: undefined };
  const found = ORDINARY.exec(readFileSync('/etc/passwd', 'utf8'));
  return { uid: Number(found?.[1] ?? 65_534), gid: Number(found?.[2] ?? 65_534) };
}

/** Gives a folder to that user, with all in it. */
function giveAll(folder: string): void {
  // A copy of a folder is as open as the umask has it, and PostgreSQL refuses that.
  chmodSync(folder, 0o700);
  const { uid, gid } = ordinaryUser();
  if (uid === undefined) return;
  chownSync(folder, uid, gid ?? uid);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    chownSync(join(folder, name), uid, gid ?? uid);
}

/** A command as an ordinary user, that ends at once when this process does, however that ends. */
export function asOrdinary(command: string, ...words: readonly string[]): string[] {
  const { uid, gid } = ordinaryUser();
  const user = uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return ['setpriv', ...user, '--pdeathsig', 'QUIT', command, ...words];
}

function runAs(name: string, ...words: readonly string[]): string {
  const [command = '', ...rest] = asOrdinary(program(name), ...words);
  const { status, stdout, stderr } = spawnSync(command, rest, {
    encoding: 'utf8',
    env: environment(),
    cwd: '/',
  });
  if (status !== 0) throw new Error(`${name} ${words.join(' ')} exited with ${status}: ${stderr}`);
  return stdout.trimEnd();
}

export function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: '/', LC_ALL: 'C' };
}
