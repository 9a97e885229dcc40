import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { folder } from '../make.ts';

const SERVER = '/usr/bin/fail2ban-server';

/** Why a real fail2ban cannot run here, as node:test's `skip` takes it. */
export const noFail2ban = existsSync(SERVER) ? false : 'it needs fail2ban (Debian package: fail2ban)';

/** A real fail2ban-server in a folder of its own: two jails whose only action is a command of the test. */
export class RealFail2ban implements AsyncDisposable {
  readonly #scratch = folder();
  readonly path = this.#scratch.path;
  readonly socket = join(this.path, 'f2b.sock');
  #server: ChildProcess | undefined;

  /** Where the action `rules` has what it banned, and where fail2ban finds that its rules stand. */
  readonly rules = join(this.path, 'rules');

  /** While this is there, the action `nft` fails; and while the other is, it does nothing and says so to nobody. */
  readonly broken = join(this.path, 'broken');
  readonly mute = join(this.path, 'mute');
  readonly #isApart: boolean;

  /**
   * action: what is run for a ban, with fail2ban's own tags, or `rules`, or `nft`: a set of nftables in a network of its own; without
   * one bans only count.
   */
  constructor(jails: readonly string[] = ['sshd', 'banshare'], action = '') {
    this.#isApart = action === 'nft';
    for (const sub of ['filter.d', 'action.d']) mkdirSync(join(this.path, sub));
    const write = (name: string, lines: readonly string[]): void =>
      writeFileSync(join(this.path, name), `${lines.join('\n')}\n`);
    write('fail2ban.conf', [
      '[Definition]',
      'loglevel = INFO',
      `logtarget = ${join(this.path, 'f2b.log')}`,
      'syslogsocket = auto',
      `socket = ${this.socket}`,
      `pidfile = ${join(this.path, 'f2b.pid')}`,
      `dbfile = ${join(this.path, 'f2b.sqlite3')}`,
      'dbpurgeage = 1d',
      'allowipv6 = auto',
    ]);
    write('filter.d/nothing.conf', ['[Definition]', 'failregex =', 'ignoreregex =']);
    const rules = [`actionstart = touch ${this.rules}`, `actioncheck = test -e ${this.rules}`];
    const ban = action === 'rules' ? `echo <ip> >>${this.rules}` : action;
    const called = ['[Definition]', `actionban = ${ban}`, 'actionunban ='];
    const lines = { rules: [...called, ...rules], nft: this.#nftLines() }[action] ?? called;
    write('action.d/called.conf', lines);
    const jail = (name: string): string[] => [
      `[${name}]`,
      'enabled = true',
      'backend = polling',
      'filter = nothing',
      'logpath = /dev/null',
      'bantime = 1h',
      action === '' ? '' : 'action = called[name=%(__name__)s]',
    ];
    write('jail.conf', jails.flatMap(jail));
  }

  #nftLines(): string[] {
    const isIdle = `test -e ${this.mute} ||`;
    return [
      '[Definition]',
      'actionstart = nft add table inet t; nft add set inet t <name> "{ type ipv4_addr; }"',
      'actioncheck = nft list set inet t <name>',
      `actionban = test ! -e ${this.broken} && { ${isIdle} nft add element inet t <name> "{ <ip> }"; }`,
      `actionunban = ${isIdle} nft delete element inet t <name> "{ <ip> }"`,
      '[Init]',
      'name = s',
    ];
  }

  /** Starts it and waits until it answers. */
  async start(): Promise<void> {
    const words = [SERVER, '-c', this.path, '-s', this.socket, '-f', '-x', 'start'];
    const [program = '', ...rest] = this.#isApart ? ['unshare', '--net', ...words] : words;
    const server = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#server = server;
    let said = '';
    for await (const chunk of server.stdout) {
      said += String(chunk);
      if (said.includes('Server ready')) return;
    }
    throw new Error(`fail2ban did not start: ${said}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#server?.kill(signal);
  }

  /** Ends it and waits until it has; SIGKILL leaves its socket behind. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    // What a jail runs as it starts would outlive it, and write into the folder that is being removed.
    const running = signal === 'SIGKILL' ? stopped(server) : [];
    if (signal !== 'SIGKILL') server.kill('SIGCONT');
    server.kill(signal);
    await ended;
    for (const pid of running) killGroup(pid);
  }

  /** What fail2ban-client prints. */
  client(...words: readonly string[]): string {
    const options = { encoding: 'utf8' as const };
    return execFileSync(
      '/usr/bin/fail2ban-client',
      ['-c', this.path, '-s', this.socket, ...words],
      options,
    ).trim();
  }

  /** What stands in the sets of the action `nft`. */
  get firewall(): string {
    const words = ['-t', String(this.#server?.pid), '-n', 'nft', 'list', 'ruleset'];
    return execFileSync('nsenter', words, { encoding: 'utf8' });
  }

  /** Its log so far. */
  get log(): string {
    return readFileSync(join(this.path, 'f2b.log'), 'utf8');
  }

  /** The addresses that a jail has. */
  banned(jail: string): string[] {
    return this.client('get', jail, 'banip')
      .split(/\s+/)
      .filter((word) => word !== '')
      .toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
    this.#scratch[Symbol.dispose]();
  }
}

/** Stops a program, so that it begins nothing more, and returns what it has running. */
function stopped(server: ChildProcess): number[] {
  server.kill('SIGSTOP');
  try {
    const tasks = `/proc/${server.pid}/task`;
    const all = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/children`, 'utf8'));
    return all
      .join(' ')
      .split(' ')
      .filter((pid) => pid !== '')
      .map(Number);
  } catch {
    // It has ended in this moment.
    return [];
  }
}

/** fail2ban runs each action in a group of its own. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
