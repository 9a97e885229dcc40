import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { asOrdinary, environment, folderOfPrograms, OrdinaryFolder, postgresSkip } from './postgres.ts';
import { takePort } from '../ports.ts';
import { untilAnswered, within } from '../within.ts';
import { Watchdog } from './watchdog.ts';

const CONFIG = resolve(import.meta.dirname, '../../../installers/patroni/patroni.yml');
const PASSWORD = 'only-for-a-test';

/** Why Patroni cannot be started here, as node:test's `skip` takes it. */
export function patroniSkip(): string | false {
  const missing = ['patroni', 'etcd'].filter((name) => !existsSync(`/usr/bin/${name}`));
  if (missing.length === 0) return postgresSkip();
  return `it needs ${missing.join(', ')} (Debian packages: postgresql patroni etcd-server)`;
}

/** Where a machine is: its address, and what its programs are started through, such as a network of its own. */
export type MachineAddress = { readonly address: string; readonly through: readonly string[] };

/** What a statement may take. */
const SQL_MS = 10_000;

/** Patroni's loop_wait, and half a second for what it does in each. */
const LOOP_MS = 2500;

const LOOPBACK: MachineAddress = { address: '127.0.0.1', through: [] };

type Node = MachineAddress & {
  name: string;
  port: number;
  rest: number;
  folder: string;
  program: ChildProcess | undefined;
  /** The member of etcd that it has, where each machine has one. */
  member: Member | undefined;
  etcd: ChildProcess | undefined;
  frozen: readonly number[];
  watchdog: Watchdog | undefined;
};

/** A member of etcd, and how it is reached. */
type Member = { name: string; address: string; client: number; peer: number };

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const program of running) program.kill('SIGKILL');
});

/** Machines of PostgreSQL below Patroni, with one etcd or one on each, as installers/patroni/ configures them, but on loopback. */
export class Patroni implements AsyncDisposable {
  readonly #folder = new OrdinaryFolder('banshare-patroni-');
  readonly #nodes: Node[] = [];
  #etcd: ChildProcess | undefined;
  #members: readonly Member[] = [];
  /** Those that their watchdog has reset; undefined where it does nothing. */
  #reset: Set<string> | undefined;

  /** Resolves once one of them can be written and waits for another. They may each have a machine of their own, with a member of etcd on each. */
  static async start(
    names: readonly string[],
    machines?: Readonly<Record<string, MachineAddress>>,
  ): Promise<Patroni> {
    const made = new Patroni();
    try {
      made.#members = (machines === undefined ? ['one'] : names).map((name) => ({
        name,
        address: (machines?.[name] ?? LOOPBACK).address,
        client: takePort(),
        peer: takePort(),
      }));
      if (machines === undefined) made.#etcd = made.#runEtcd(made.#members[0]);
      for (const [index, name] of names.entries())
        made.#lay(
          name,
          machines?.[name] ?? LOOPBACK,
          machines === undefined ? undefined : made.#members[index],
        );
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
    return `postgres://${this.#nodes.map(({ address, port }) => `${address}:${port}`).join(',')}/banshare`;
  }

  /** A file with the password of the user banshare. */
  get passwordFile(): string {
    const path = join(this.#folder.path, 'password');
    if (!existsSync(path)) writeFileSync(path, PASSWORD, { mode: 0o600 });
    return path;
  }

  /** Waits until a machine can be written and has a synchronous standby; its name. */
  untilWritable(): Promise<string> {
    const look = async (): Promise<string | undefined> => this.#writable();
    return untilAnswered(look, 90_000, () => 'a database that can be written');
  }

  /** Waits until all machines follow the one that can be written: one of them is then there to follow the next primary. */
  async untilWhole(): Promise<void> {
    const select = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    const look = async (): Promise<true | undefined> => {
      // On a busy machine another one may become the primary meanwhile.
      const primary = this.#writable();
      return Number(this.#answer(primary, select)) === this.#nodes.length - 1 ? true : undefined;
    };
    await untilAnswered(look, 90_000, () => 'machines that all follow the primary');
  }

  /** Whether what is written at the primary is confirmed by another machine, as a plain client sees it. */
  async confirms(): Promise<boolean> {
    const primary = await this.untilWritable().catch(() => undefined);
    return this.#answer(primary, 'CREATE TABLE confirmed (); DROP TABLE confirmed') !== undefined;
  }

  /** Waits until another machine than that one is the primary; its name. */
  untilAnother(than: string): Promise<string> {
    const isPrimary = (name: string): boolean => this.#answer(name, 'SELECT NOT pg_is_in_recovery()') === 't';
    const look = async (): Promise<string | undefined> =>
      this.#nodes.find(({ name }) => name !== than && isPrimary(name))?.name;
    return untilAnswered(look, 90_000, () => `another primary than ${than}`);
  }

  /** Takes a machine away at once: Patroni, its member of etcd and its PostgreSQL. */
  async kill(name: string): Promise<void> {
    const node = this.#node(name);
    const pid = postmasterOf(node);
    await Promise.all([end(node.program), end(node.etcd)]);
    [node.program, node.etcd] = [undefined, undefined];
    process.kill(pid, 'SIGQUIT');
  }

  /** Stops all programs of a machine where they are, or its PostgreSQL alone, until thaw(). */
  freeze(name: string, what: 'machine' | 'postgres' = 'machine'): void {
    const node = this.#node(name);
    const postmaster = postmasterOf(node);
    const stop = (pids: readonly number[]): void => pids.forEach((pid) => process.kill(pid, 'SIGSTOP'));
    // It starts no other once it is stopped itself.
    const beside = what === 'machine' ? [node.program?.pid, node.etcd?.pid] : [];
    const first = [...beside.filter((pid) => pid !== undefined), postmaster];
    stop(first);
    const children = childrenOf(postmaster);
    stop(children);
    node.frozen = [...children, ...first.toReversed()];
  }

  /** The same where it hangs in the middle of its loop: its PostgreSQL first, for which Patroni waits then, having read that it leads. */
  async hang(name: string): Promise<void> {
    this.freeze(name, 'postgres');
    const { frozen } = this.#node(name);
    await pause(LOOP_MS);
    this.freeze(name);
    const node = this.#node(name);
    node.frozen = [...new Set([...node.frozen, ...frozen])];
  }

  thaw(name: string): void {
    const node = this.#node(name);
    for (const pid of node.frozen) process.kill(pid, 'SIGCONT');
    node.frozen = [];
  }

  /** Has the watchdogs of all machines do what they are for from now on, or no more: a machine that they reset is dead until run(). */
  watch(isOn: boolean): void {
    this.#reset = isOn ? new Set() : undefined;
  }

  /** Whether a machine was reset by its watchdog since. */
  wasReset(name: string): boolean {
    return this.#reset?.has(name) === true;
  }

  /** The machine that the primary waits for. */
  standbyOf(primary: string): string {
    return this.sql(primary, "SELECT application_name FROM pg_stat_replication WHERE sync_state = 'sync'");
  }

  /** Brings a machine back. */
  run(name: string): void {
    this.#run(this.#node(name));
  }

  sql(name: string, text: string, database = 'postgres'): string {
    const { address, port } = this.#node(name);
    const url = `postgresql://postgres:${PASSWORD}@${address}:${port}/${database}?connect_timeout=2`;
    const [command = '', ...words] = asOrdinary('psql', '-X', '-qAtc', text, url);
    // It waits without end for a machine that is taken away while it asks, and this process with it.
    const limits = { timeout: SQL_MS, killSignal: 'SIGKILL' } as const;
    const { status, stdout, stderr } = spawnSync(command, words, {
      encoding: 'utf8',
      env: environment(),
      ...limits,
    });
    if (status !== 0) throw new Error(stderr === '' ? `${name} did not answer` : stderr);
    return stdout.trimEnd();
  }

  /** What each machine says of those that are connected to it, and follow it: for whoever wonders why nothing is written. */
  activity(): string {
    const select = `SELECT pg_is_in_recovery(), current_setting('synchronous_standby_names'),
      (SELECT json_agg(a) FROM (SELECT pid, usename, state, wait_event, left(query, 40) FROM pg_stat_activity WHERE usename IS NOT NULL) a),
      (SELECT json_agg(r) FROM (SELECT application_name, state, sync_state, flush_lsn FROM pg_stat_replication) r)`;
    return this.#nodes.map(({ name }) => `${name}: ${this.#answer(name, select) ?? 'away'}`).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) {
      this.thaw(node.name);
      const pid = join(node.folder, 'data/postmaster.pid');
      node.watchdog?.[Symbol.dispose]();
      await Promise.all([end(node.program), end(node.etcd)]);
      if (existsSync(pid)) await endPostgres(Number(readFileSync(pid, 'utf8').split('\n')[0]));
    }
    await end(this.#etcd);
    this.#folder[Symbol.dispose]();
  }

  /** The machine that can be written and has a synchronous standby, where there is one now. */
  #writable(): string | undefined {
    const select = `SELECT NOT pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')`;
    return this.#nodes.find(
      ({ name, program }) => program !== undefined && this.#answer(name, select) === 't',
    )?.name;
  }

  /** What a machine answers; undefined where it is away, or goes away. */
  #answer(name: string | undefined, text: string): string | undefined {
    try {
      return name === undefined ? undefined : this.sql(name, text);
    } catch {
      return undefined;
    }
  }

  #node(name: string): Node {
    const node = this.#nodes.find((each) => each.name === name);
    if (node === undefined) throw new Error(`no machine is called ${name}`);
    return node;
  }

  #runEtcd(
    member: Member | undefined,
    folder = this.#folder.path,
    through: readonly string[] = [],
  ): ChildProcess {
    if (member === undefined) throw new Error('there is a member of etcd');
    const at = (port: number, { address } = member): string => `http://${address}:${port}`;
    const options: Readonly<Record<string, string>> = {
      name: member.name,
      'data-dir': join(folder, 'etcd'),
      'listen-client-urls': at(member.client),
      'advertise-client-urls': at(member.client),
      'listen-peer-urls': at(member.peer),
      'initial-advertise-peer-urls': at(member.peer),
      'initial-cluster': this.#members.map((each) => `${each.name}=${at(each.peer, each)}`).join(','),
    };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    return start('/usr/bin/etcd', [...words, '--unsafe-no-fsync'], through);
  }

  #lay(name: string, at: MachineAddress, member: Member | undefined): void {
    const folder = join(this.#folder.path, name);
    mkdirSync(folder, { mode: 0o700 });
    this.#folder.give(folder);
    const ports = { port: takePort(), rest: takePort() };
    const programs = { program: undefined, etcd: undefined, watchdog: undefined, frozen: [] };
    const node: Node = { name, folder, ...at, ...ports, member, ...programs };
    const replaced: Readonly<Record<string, string>> = {
      'ETCD-HOSTS': this.#members.map(({ address, client }) => `${address}:${client}`).join(','),
      'REST-PORT': String(node.rest),
      'SUPERUSER-PASSWORD': PASSWORD,
      'REPLICATION-PASSWORD': PASSWORD,
      'REWIND-PASSWORD': PASSWORD,
      PROGRAMS: folderOfPrograms() ?? '',
      NETWORK: at === LOOPBACK ? '127.0.0.1/32' : '0.0.0.0/0',
      ADDRESS: at.address,
      FOLDER: folder,
      NAME: name,
      PORT: String(node.port),
    };
    const lines = readFileSync(CONFIG, 'utf8').replaceAll(/^#.*\n/gm, '');
    let text = lines.replaceAll(/\b[A-Z]+(?:-[A-Z]+)*\b/g, (word) => replaced[word] ?? word);
    if (at !== LOOPBACK) {
      // As the file says for a machine that has one, with Patroni's own driver for tests.
      const device = join(folder, 'watchdog');
      node.watchdog = new Watchdog(
        device,
        (path) => this.#folder.give(path),
        () => this.#resetMachine(node),
      );
      text = text.replace('mode: automatic', `mode: required\n  driver: testing\n  device: ${device}`);
    }
    const path = join(folder, 'patroni.yml');
    writeFileSync(path, text, { mode: 0o600 });
    this.#folder.give(path);
    this.#nodes.push(node);
  }

  /** What a watchdog does: no program of the machine does anything more, however it hangs. */
  #resetMachine(node: Node): void {
    if (this.#reset === undefined || node.program === undefined) return;
    this.#reset.add(node.name);
    const postmaster = postmasterOf(node);
    const pids = [...childrenOf(postmaster), postmaster, node.program.pid, node.etcd?.pid];
    for (const pid of pids) if (pid !== undefined) process.kill(pid, 'SIGKILL');
    [node.program, node.etcd, node.frozen] = [undefined, undefined, []];
  }

  #run(node: Node): void {
    if (node.member !== undefined) node.etcd = this.#runEtcd(node.member, node.folder, node.through);
    node.program = start('/usr/bin/patroni', [join(node.folder, 'patroni.yml')], node.through);
  }
}

function postmasterOf({ folder }: Node): number {
  return Number(readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
}

function childrenOf(parent: number): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(parent)], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(Number);
}

function start(command: string, words: readonly string[], through: readonly string[] = []): ChildProcess {
  const [first = '', ...rest] = [...through, ...asOrdinary(command, ...words)];
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
