import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** Why a test that needs root and these programs is skipped, or false. */
export function skipUnlessRootWith(...programs: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  return skipUnless(...programs);
}

/** Why a test that needs these programs is skipped, or false. */
export function skipUnless(...programs: readonly string[]): string | false {
  const missing = programs.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return missing.length === 0 ? false : `needs ${missing.join(', ')}`;
}

/**
 * Runs a program with a small file system of its own at a directory. It lives in a mount namespace that ends with the program,
 * so that nothing is left mounted.
 */
export function onSmallDisk(directory: string, kibibytes: number): string[] {
  mkdirSync(directory, { recursive: true });
  const script = `mount -t tmpfs -o size=${kibibytes}k,mode=0700 tmpfs "$0" && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, directory];
}

/** The same with no byte of it free. */
export function onFullDisk(directory: string): string[] {
  mkdirSync(directory, { recursive: true });
  const fill = 'dd if=/dev/zero of="$0/filler" bs=1k 2>/dev/null';
  const script = `mount -t tmpfs -o size=64k,mode=0700 tmpfs "$0" && { ${fill} || :; } && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, directory];
}

/** Fills the disk that only that process sees; returns how to make room again. */
export function fillDiskOf(pid: number, directory: string): () => void {
  const filler = join('/proc', String(pid), 'root', directory, 'filler');
  spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k']);
  if (!existsSync(filler)) throw new Error(`Cannot fill the disk at ${directory}`);
  return () => rmSync(filler);
}

/** A library whose fsync and fdatasync fail with EIO as long as a file is there. */
export class FailingFsync {
  readonly #flag: string;
  readonly #library: string;

  constructor(folder: string) {
    this.#flag = join(folder, 'fsync-fails');
    this.#library = join(folder, 'fsync.so');
    const source = join(folder, 'fsync.c');
    writeFileSync(source, SOURCE);
    const { status, stderr } = spawnSync('cc', [
      '-shared',
      '-fPIC',
      '-O',
      '-o',
      this.#library,
      source,
      '-ldl',
    ]);
    if (status !== 0) throw new Error(`Cannot compile ${source}: ${String(stderr)}`);
  }

  get env(): NodeJS.ProcessEnv {
    return { LD_PRELOAD: this.#library, BANSHARE_FSYNC_FAILS: this.#flag };
  }

  begin(): void {
    writeFileSync(this.#flag, '');
  }

  end(): void {
    rmSync(this.#flag);
  }
}

const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int sync_unless_failing(const char *name, int fd) {
  const char *flag = getenv("BANSHARE_FSYNC_FAILS");
  if (flag != NULL && access(flag, F_OK) == 0) { errno = EIO; return -1; }
  return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}
int fsync(int fd) { return sync_unless_failing("fsync", fd); }
int fdatasync(int fd) { return sync_unless_failing("fdatasync", fd); }
`;

/** A network of its own with nothing but loopback; it is gone with the process that holds it. */
export class Network implements AsyncDisposable {
  readonly #holder: ChildProcessByStdio<Writable, Readable, null>;

  private constructor(holder: ChildProcessByStdio<Writable, Readable, null>) {
    this.#holder = holder;
  }

  static async open(): Promise<Network> {
    const script = 'ip link set lo up && echo ready && exec cat';
    const holder = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    // Its input ends with this process, and so does the holder.
    await once(holder.stdout, 'data');
    return new Network(holder);
  }

  /** What a program is started with to be in it. */
  get inside(): { through: readonly string[] } {
    return { through: ['nsenter', ...this.#target] };
  }

  /** Connects it to a bridge of this process's own network, at an address; `port` names the cable's other end, which is in that network. */
  plug(bridge: string, port: string, address: string): void {
    const pid = String(this.#holder.pid);
    const here = [
      `link add ${port} type veth peer name eth0 netns ${pid}`,
      `link set ${port} master ${bridge} up`,
    ];
    const there = ['link set lo up', 'link set eth0 up', `addr add ${address} dev eth0`];
    for (const [command, ...words] of [
      ['ip', '-batch', '-'],
      ['nsenter', ...this.#target, 'ip', '-batch', '-'],
    ] as const) {
      const input = (command === 'ip' ? here : there).join('\n');
      const { status, stderr } = spawnSync(command, words, { input, encoding: 'utf8' });
      if (status !== 0) throw new Error(`Cannot connect a network to ${bridge}: ${stderr}`);
    }
  }

  /** Drops the packets that these rules of nftables match, and no others any more. */
  drop(rules: readonly string[]): void {
    const chain = `chain input { type filter hook input priority 0; ${rules.map((rule) => `${rule}; `).join('')}}`;
    const ruleset = `table ip chaos\ndelete table ip chaos\ntable ip chaos {\n${chain}\n}\n`;
    const args = [...this.#target, 'nft', '-f', '-'];
    const { status, stderr } = spawnSync('nsenter', args, { input: ruleset });
    if (status !== 0) throw new Error(`Cannot set the rules of the network: ${String(stderr)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.stdin.end();
    await once(this.#holder, 'close');
  }

  get #target(): string[] {
    return ['--target', String(this.#holder.pid), '--net'];
  }
}
