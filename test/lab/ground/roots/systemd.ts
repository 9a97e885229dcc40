import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PATIENCE_MS, untilTrue } from '../deadline.ts';
import type { Host } from '../host.ts';
import { Running, type Exit } from '../running.ts';

const BOOT = join(import.meta.dirname, 'boot-systemd.sh');
/** Runs nsenter, and removes the control groups when all below it has ended, whatever ended it. */
const KEEPER = join(import.meta.dirname, '../keep-groups.sh');

/** Why no systemd can boot inside a lab host of this machine, as node:test's `skip` takes it. */
export function noSystemd(): string | false {
  if (!existsSync('/usr/lib/systemd/systemd') && !existsSync('/lib/systemd/systemd'))
    return 'units run only where systemd is installed (Debian package: systemd)';
  const mounts = readFileSync('/proc/mounts', 'utf8');
  return / cgroup2 /.test(mounts) ? false : 'units need a machine with cgroup2';
}

/** A lab host whose first process is systemd, as far as programs in it can see. */
export class Booted implements AsyncDisposable {
  readonly #host: Host;
  readonly #boot: Running;
  readonly #pid: number;

  /** Boots the host's systemd and waits until it has started what the target wants, successfully or not. */
  static async start(host: Host, target = 'lab.target'): Promise<Booted> {
    // The host may have a root of its own, where this checkout is not.
    const script = '/run/boot-systemd.sh';
    await host.write(script, readFileSync(BOOT, 'utf8'));
    // A run that looks afterwards for what is left knows its groups by a word of its own.
    const run = process.env['BANSHARE_LAB_RUN'] ?? 'run';
    const group = `banshare-lab-${run}-${randomBytes(4).toString('hex')}`;
    const enter = ['nsenter', '-t', String(host.pid), '-a', '--', 'sh', script, group, target];
    const boot = new Running(`${host.name}: systemd`, ['sh', KEEPER, group, ...enter]);
    let pid = 0;
    await untilTrue(PATIENCE_MS, `systemd to boot on ${host.name}`, async () => {
      pid = await systemdBelow(boot);
      if (pid === 0) return false;
      const state = await inside(host, pid, ['systemctl', 'is-system-running', '--wait']).ended;
      return state.stdout.trim() === 'running' || state.stdout.trim() === 'degraded';
    });
    return new Booted(host, boot, pid);
  }

  private constructor(host: Host, boot: Running, pid: number) {
    this.#host = host;
    this.#boot = boot;
    this.#pid = pid;
  }

  /** Runs a program beside the booted services to its end, whatever its exit code. */
  run(...argv: string[]): Promise<Exit> {
    const running = inside(this.#host, this.#pid, argv);
    running.hangUp();
    return running.ended;
  }

  /** What systemctl says of a unit's property. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.run('systemctl', 'show', '--value', '-p', name, unit)).stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.kill(this.#pid, 'SIGKILL');
    await this.#boot.ended;
  }
}

function inside(host: Host, pid: number, argv: readonly string[]): Running {
  return new Running(`${host.name}: ${argv.join(' ')}`, ['nsenter', '-t', String(pid), '-a', '--', ...argv]);
}

/** Follows first children from the process that was started down to systemd; 0 while it is not there. */
async function systemdBelow(boot: Running): Promise<number> {
  let pid = await boot.innerPid();
  for (;;) {
    const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8').trim();
    try {
      if (read('comm') === 'systemd') return pid;
      pid = Number.parseInt(read(`task/${pid}/children`), 10);
    } catch {
      return 0;
    }
    if (Number.isNaN(pid)) return 0;
  }
}
