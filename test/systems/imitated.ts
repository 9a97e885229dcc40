import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { within } from '../lab/ground/deadline.ts';
import { cleanEnvironment, Running, type Exit } from '../lab/ground/running.ts';

const IMITATE = join(import.meta.dirname, 'imitate-arm64.sh');
const INIT = join(import.meta.dirname, '../lab/ground/roots/init-root.sh');
const NAMESPACES = ['--user', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc'];
/** Whoever is imitated takes ten times as long, and more on a busy machine. */
const PATIENCE_MS = 600_000;

/** Why no other processor can be imitated here, as node:test's `skip` takes it. */
export function whyNoArm64(): string | false {
  if (!existsSync('/usr/bin/qemu-aarch64-static'))
    return 'arm64 is imitated by qemu (Debian package: qemu-user-static)';
  const script = 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc';
  const { status } = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script], {
    env: cleanEnvironment,
  });
  return status === 0
    ? false
    : 'arm64 is imitated where each user namespace has a binfmt_misc of its own (Linux 6.7)';
}

/**
 * Starts a command for which qemu runs what is made for arm64; its users are the machine's. It has the machine's network, by which a
 * root is fetched, or one of its own, where nobody is.
 */
export async function startImitating(
  title: string,
  network: 'of the machine' | 'its own',
  argv: readonly string[],
): Promise<Running> {
  const running = new Running(title, [
    'unshare',
    ...NAMESPACES,
    ...(network === 'its own' ? ['--net'] : []),
    'sh',
    '-c',
    'echo begun; exec sh "$@"',
    'sh',
    IMITATE,
    ...argv,
  ]);
  await running.line(/^begun$/);
  for (const map of ['uid_map', 'gid_map'])
    writeFileSync(`/proc/${running.child.pid}/${map}`, '0 0 4294967295');
  running.say('mapped\n');
  return running;
}

/** A host made for arm64, without systemd and without a network but its own. */
export class Imitated implements AsyncDisposable {
  readonly #init: Running;
  readonly #pid: number;

  static async start(name: string, root: string): Promise<Imitated> {
    const init = await startImitating(`${name}'s init`, 'its own', ['sh', INIT, name, '7200', root]);
    await init.line(/^mounted$/, PATIENCE_MS);
    const host = new Imitated(init, await init.innerPid());
    await host.output('ip', 'link', 'set', 'lo', 'up');
    return host;
  }

  private constructor(init: Running, pid: number) {
    this.#init = init;
    this.#pid = pid;
  }

  spawn(...argv: string[]): Running {
    return new Running(argv.join(' '), ['nsenter', '-t', String(this.#pid), '-a', '--', ...argv]);
  }

  async run(...argv: string[]): Promise<Exit> {
    const running = this.spawn(...argv);
    running.hangUp();
    return within(PATIENCE_MS, `"${argv.join(' ')}" to end`, running.ended, () => running.tail());
  }

  async output(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...argv);
    if (code === 0) return stdout;
    throw new Error(`"${argv.join(' ')}" ended with ${code}:\n${stdout}\n${stderr}`);
  }

  write(path: string, text: string): void {
    writeFileSync(`/proc/${this.#pid}/root${path}`, text);
  }

  copy(from: string, to: string): void {
    copyFileSync(from, `/proc/${this.#pid}/root${to}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#init.hangUp();
    await this.#init.stop('SIGKILL');
  }
}
