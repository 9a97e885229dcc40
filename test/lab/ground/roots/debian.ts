import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host.ts';
import type { Exit, Running } from '../running.ts';

const ROOTS = join(import.meta.dirname, '../../../../build/roots');
const PACKAGES = 'fail2ban,nftables,iproute2,procps,python3-systemd';
const UNPACK_MS = 240_000;

/** A whole Debian of its own below a lab host: its tools, its dpkg, its fail2ban, and that host's network. It goes with the host. */
export class Debian {
  readonly host: Host;
  readonly root = '/run/debian';

  private constructor(host: Host) {
    this.host = host;
  }

  /** Unpacks a release below a host. @throws where it cannot be had: see debianRoot(). */
  static async on(host: Host, archive: string): Promise<Debian> {
    const debian = new Debian(host);
    const script = `mkdir -p "$2" && tar -xf "$1" -C "$2" && mount -t proc proc "$2/proc" && mount --rbind /dev "$2/dev" &&
      mkdir -p "$2/run/lock" && : >"$2/var/log/auth.log" && cp /etc/hosts /etc/hostname /etc/machine-id "$2/etc/"`;
    await host.output(['sh', '-c', script, 'sh', archive, debian.root], { milliseconds: UNPACK_MS });
    return debian;
  }

  /** Runs a program in it to its end. */
  run(...argv: string[]): Promise<Exit> {
    return this.host.run(this.#inside(argv), { milliseconds: UNPACK_MS });
  }

  /** The same; returns what it printed. @throws where it fails. */
  output(...argv: string[]): Promise<string> {
    return this.host.output(this.#inside(argv), { milliseconds: UNPACK_MS });
  }

  /** Starts a program in it. */
  spawn(...argv: string[]): Running {
    return this.host.spawn(this.#inside(argv));
  }

  /** Brings files of the machine into its /root. */
  async bring(...paths: string[]): Promise<void> {
    await this.host.output(['install', '-m', '0600', '-t', join(this.root, 'root'), ...paths]);
  }

  #inside(argv: readonly string[]): string[] {
    return ['chroot', this.root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8', ...argv];
  }
}

/**
 * The archive of a release with fail2ban and nftables, made once by mmdebstrap from the machine's own mirror and kept in build/; or the
 * reason why there is none, as of a skipped test.
 */
export function debianRoot(suite: string): { archive: string } | { reason: string } {
  const archive = join(ROOTS, `${suite}.tar`);
  if (existsSync(archive)) return { archive };
  const mirror = mirrorOfMachine();
  if (mirror === undefined) return { reason: 'the sources of apt name no mirror of Debian' };
  mkdirSync(ROOTS, { recursive: true });
  const beside = join(ROOTS, `${suite}.${process.pid}.tar`);
  const words = ['--variant=minbase', `--include=${PACKAGES}`, '--aptopt=APT::Install-Recommends "false"'];
  const made = spawnSync('mmdebstrap', ['--quiet', ...words, suite, beside, mirror], { encoding: 'utf8' });
  if (made.status !== 0) {
    rmSync(beside, { force: true });
    return {
      reason: `mmdebstrap made no ${suite} (Debian: mmdebstrap): ${made.error?.message ?? made.stderr}`,
    };
  }
  renameSync(beside, archive);
  return { archive };
}

function mirrorOfMachine(): string | undefined {
  const texts = globSync('/etc/apt/{sources.list,sources.list.d/*.{list,sources}}').map((path) =>
    readFileSync(path, 'utf8'),
  );
  const found = texts.flatMap((text) => [
    ...text.matchAll(/^(?:URIs: *|deb +(?:\[[^\]]*\] +)?)(https?:\S+\/debian)\/?(?:\s|$)/gm),
  ]);
  return found.map(([, address]) => address).at(0);
}
