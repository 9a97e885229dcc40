import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { asOrdinary, environment, folderOfPrograms, OrdinaryFolder, postgresSkip } from './postgres.ts';
import { takePort } from './ports.ts';
import { untilAnswered, within } from './within.ts';

const CONFIG = resolve(import.meta.dirname, '../../installers/patroni/patroni.yml');
const PASSWORD = 'only-for-a-test';

/** Why Patroni cannot be started here, as node:test's `skip` takes it. */
export function patroniSkip(): string | false {
  const missing = ['patroni', 'etcd'].filter((name) => !existsSync(`/usr/bin/${name}`));
  if (missing.length === 0) return postgresSkip();
  return `it needs ${missing.join(', ')} (Debian packages: postgresql patroni etcd-server)`;
}

type Node = { name: string; port: number; rest: number; folder: string; program: ChildProcess | undefined };

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const program of running) program.kill('SIGKILL');
});

/** Machines of PostgreSQL below Patroni, with one etcd, as installers/patroni/ configures them, but on loopback. */
export class Patroni implements AsyncDisposable {
  readonly #folder = new OrdinaryFolder('banshare-patroni-');
  readonly #nodes: Node[] = [];
  #etcd: ChildProcess | undefined;
  #etcdPort = 0;

  /** Resolves once one of them can be written and waits for another. */
  static async start(names: readonly string[]): Promise<Patroni> {
    const made = new Patroni();
    try {
      made.#startEtcd();
      for (const name of names) made.#lay(name);
      for (const node of made.#nodes) made.#run(node);
      const leader = await made.untilWritable();
      made.sql(leader, `CREATE ROLE banshare LOGIN PASSWORD '${PASSWORD}'`);
      made.sql(leader, 'CREATE DATABASE banshare OWNER banshare');
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    return `postgres://${this.#nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}/banshare`;
  }

  /** A file with the password of the user banshare. */
  get passwordFile(): string {
    const path = join(this.#folder.path, 'password');
    if (!existsSync(path)) writeFileSync(path, PASSWORD, { mode: 0o600 });
    return path;
  }

  /** Waits until a machine can be written and has a synchronous standby; its name. */
  untilWritable(): Promise<string> {
    const look = async (): Promise<string | undefined> =>
      this.#nodes.find(({ name, program }) => program !== undefined && this.#isWritable(name))?.name;
    return untilAnswered(look, 90_000, () => 'a database that can be written');
  }

  /** Waits until another machine than that one is the primary; its name. */
  untilAnother(than: string): Promise<string> {
    const isPrimary = (name: string): boolean => {
      try {
        return this.sql(name, 'SELECT NOT pg_is_in_recovery()') === 't';
      } catch {
        return false;
      }
    };
    const look = async (): Promise<string | undefined> =>
      this.#nodes.find(({ name }) => name !== than && isPrimary(name))?.name;
    return untilAnswered(look, 90_000, () => `another primary than ${than}`);
  }

  /** Takes a machine away at once: Patroni and its PostgreSQL. */
  async kill(name: string): Promise<void> {
    const node = this.#node(name);
    const pid = Number(readFileSync(join(node.folder, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
    await end(node.program);
    node.program = undefined;
    process.kill(pid, 'SIGQUIT');
  }

  /** Brings a machine back. */
  run(name: string): void {
    this.#run(this.#node(name));
  }

  sql(name: string, text: string, database = 'postgres'): string {
    const { port } = this.#node(name);
    const url = `postgresql://postgres:${PASSWORD}@127.0.0.1:${port}/${database}?connect_timeout=2`;
    const [command = '', ...words] = asOrdinary('psql', '-X', '-qAtc', text, url);
    const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8', env: environment() });
    if (status !== 0) throw new Error(stderr);
    return stdout.trimEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) {
      const pid = join(node.folder, 'data/postmaster.pid');
      await end(node.program);
      if (existsSync(pid)) await endPostgres(Number(readFileSync(pid, 'utf8').split('\n')[0]));
    }
    await end(this.#etcd);
    this.#folder[Symbol.dispose]();
  }

  #isWritable(name: string): boolean {
    try {
      const select = `SELECT NOT pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')`;
      return this.sql(name, select) === 't';
    } catch {
      return false;
    }
  }

  #node(name: string): Node {
    const node = this.#nodes.find((each) => each.name === name);
    if (node === undefined) throw new Error(`no machine is called ${name}`);
    return node;
  }

  #startEtcd(): void {
    const [client, peer] = [takePort(), takePort()];
    this.#etcdPort = client;
    const urls = { client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` };
    const options: Readonly<Record<string, string>> = {
      name: 'one',
      'data-dir': join(this.#folder.path, 'etcd'),
      'listen-client-urls': urls.client,
      'advertise-client-urls': urls.client,
      'listen-peer-urls': urls.peer,
      'initial-advertise-peer-urls': urls.peer,
      'initial-cluster': `one=${urls.peer}`,
    };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    this.#etcd = start('/usr/bin/etcd', [...words, '--unsafe-no-fsync']);
  }

  #lay(name: string): void {
    const folder = join(this.#folder.path, name);
    mkdirSync(folder, { mode: 0o700 });
    this.#folder.give(folder);
    const node = { name, folder, port: takePort(), rest: takePort(), program: undefined };
    const replaced: Readonly<Record<string, string>> = {
      'ETCD-HOSTS': `127.0.0.1:${this.#etcdPort}`,
      'REST-PORT': String(node.rest),
      'SUPERUSER-PASSWORD': PASSWORD,
      'REPLICATION-PASSWORD': PASSWORD,
      'REWIND-PASSWORD': PASSWORD,
      PROGRAMS: folderOfPrograms() ?? '',
      NETWORK: '127.0.0.1/32',
      ADDRESS: '127.0.0.1',
      FOLDER: folder,
      NAME: name,
      PORT: String(node.port),
    };
    const lines = readFileSync(CONFIG, 'utf8').replaceAll(/^#.*\n/gm, '');
    const text = lines.replaceAll(/\b[A-Z]+(?:-[A-Z]+)*\b/g, (word) => replaced[word] ?? word);
    const path = join(folder, 'patroni.yml');
    writeFileSync(path, text, { mode: 0o600 });
    this.#folder.give(path);
    this.#nodes.push(node);
  }

  #run(node: Node): void {
    node.program = start('/usr/bin/patroni', [join(node.folder, 'patroni.yml')]);
  }
}

function start(command: string, words: readonly string[]): ChildProcess {
  const [first = '', ...rest] = asOrdinary(command, ...words);
  const program = spawn(first, rest, { stdio: 'ignore', env: environment(), cwd: '/' });
  running.add(program);
  program.once('exit', () => running.delete(program));
  return program;
}

async function end(program: ChildProcess | undefined): Promise<void> {
  if (program === undefined || !running.has(program)) return;
  const ended = once(program, 'exit');
  program.kill('SIGKILL');
  await within(ended, 10_000, () => 'the end of a program');
}

/** Ends a PostgreSQL that Patroni has started, and waits until it writes no more. */
async function endPostgres(pid: number): Promise<void> {
  let signal: NodeJS.Signals | 0 = 'SIGQUIT';
  const isGone = async (): Promise<true | undefined> => {
    try {
      process.kill(pid, signal);
      signal = 0;
      return undefined;
    } catch {
      return true;
    }
  };
  await untilAnswered(isGone, 10_000, () => 'the end of PostgreSQL');
}
