import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run, type Ran } from './fresh-build.ts';

/**
 * podman below a folder of a test's own, in a network and a view of the mounts of its own: what a container does to the firewall of
 * "its host" stays there. Older runtimes know only one of the two kinds of control groups, and this machine may have both: in that view
 * there is one.
 */
export class ContainerEngine implements AsyncDisposable {
  readonly #folder: string;
  readonly #ground: ChildProcess;

  private constructor(folder: string, ground: ChildProcess) {
    this.#folder = folder;
    this.#ground = ground;
  }

  /** Why no container can run here; false where it can be tried. */
  static skipReason(): string | false {
    if (process.getuid?.() !== 0) return 'needs root, which may make networks and mounts';
    const missing = ['podman', 'crun', 'nft', 'fail2ban-client', 'unshare', 'nsenter'].filter(
      (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0,
    );
    return missing.length === 0 ? false : `${missing.join(', ')}: not installed`;
  }

  static async start(folder: string): Promise<ContainerEngine> {
    mkdirSync(folder, { recursive: true });
    const lay = `mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null || mount -t tmpfs none /sys/fs/cgroup
      ip link set lo up && echo ready && exec cat`;
    const ground = spawn('unshare', ['--mount', '--net', 'sh', '-c', lay], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(ground.stdout, 'data');
    return new ContainerEngine(folder, ground);
  }

  /** Runs podman. */
  podman(...words: string[]): Ran {
    return this.inside('podman', ...this.#where, ...words);
  }

  /** The same, and throws what it said where it fails; returns what it printed. */
  must(...words: string[]): string {
    const ran = this.podman(...words);
    if (ran.code !== 0)
      throw new Error(`podman ${words.join(' ')}: exit code ${ran.code}: ${ran.out}${ran.err}`);
    return ran.out;
  }

  /** Runs a program of this machine in the network that the containers have. */
  inside(...words: string[]): Ran {
    return run('nsenter', ['-t', String(this.#ground.pid), '-m', '-n', ...words]);
  }

  /** What `podman run` needs where a container may not have limits of its own. */
  get limits(): readonly string[] {
    return [
      '--cgroups=disabled',
      '--network=host',
      '--ulimit',
      'nofile=1024:1024',
      '--ulimit',
      'nproc=1024:1024',
    ];
  }

  /** Builds an image by build.sh, of what lies in dist. */
  build(role: string, dist: string, base: string): Ran {
    const script = join(import.meta.dirname, '../../installers/container/build.sh');
    const args = `--isolation=chroot --layers=false --build-arg BASE=${base}`;
    // podman with the words that say where its things are.
    const tool = join(this.#folder, 'podman');
    execFileSync('sh', [
      '-c',
      `printf '#!/bin/sh\\nexec podman ${this.#where.join(' ')} "$@"\\n' >"$1" && chmod 0755 "$1"`,
      'sh',
      tool,
    ]);
    return this.inside(
      'env',
      `IMAGE_ARGS=${args}`,
      `DIST=${dist}`,
      `CONTAINER_TOOL=${tool}`,
      `TMPDIR=${this.#folder}`,
      'sh',
      script,
      role,
    );
  }

  /** A base of this machine's own shell, nft and libraries, merged as Debian's: no registry of images is asked. */
  importBase(name: string): void {
    const root = join(this.#folder, 'base');
    for (const folder of ['bin', 'sbin', 'lib', 'lib64']) {
      mkdirSync(join(root, 'usr', folder), { recursive: true });
      symlinkSync(`usr/${folder}`, join(root, folder));
    }
    for (const folder of ['tmp', 'proc', 'sys', 'dev', 'etc', 'var', 'run']) mkdirSync(join(root, folder));
    const programs = ['sh', 'nft', 'cat', 'readlink', 'env'].map((each) =>
      execFileSync('sh', ['-c', `command -v ${each}`], { encoding: 'utf8' }).trim(),
    );
    for (const path of [...programs, ...[...programs, process.execPath].flatMap(librariesOf)]) {
      const to = join(root, path);
      mkdirSync(dirname(to), { recursive: true });
      if (!existsSync(to)) copyFileSync(path, to);
    }
    const archive = join(this.#folder, 'base.tar');
    execFileSync('tar', ['-C', root, '-cf', archive, '.']);
    this.must('import', archive, name);
  }

  get #where(): string[] {
    const at = (name: string): string => join(this.#folder, name);
    return [
      '--root',
      at('store'),
      '--runroot',
      at('run'),
      '--storage-driver',
      'overlay',
      '--cgroup-manager',
      'cgroupfs',
      '--events-backend',
      'file',
      '--runtime',
      'crun',
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.podman('rm', '--all', '--force', '--time', '0');
    this.inside('umount', join(this.#folder, 'store/overlay'));
    const ended = once(this.#ground, 'close');
    this.#ground.stdin?.end();
    await ended;
  }
}

function librariesOf(program: string): string[] {
  const said = spawnSync('ldd', [program], { encoding: 'utf8' }).stdout;
  return said.split('\n').flatMap((line) => /(?:=> )?(\/[^ ]+) \(/.exec(line)?.[1] ?? []);
}

/** All the bytes of a saved image, a file each. */
export function savedFiles(folder: string): Buffer[] {
  return execFileSync('find', [folder, '-type', 'f'], { encoding: 'utf8' })
    .split('\n')
    .filter(Boolean)
    .map((path) => readFileSync(path));
}
