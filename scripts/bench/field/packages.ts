import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment } from '../../../test/lab/ground/running.ts';
import { Fault } from '../../say.ts';

const POLICY = '/usr/sbin/policy-rc.d';
const APT_MS = 120_000;

/** Installs Debian packages whose programs are missing, and lets none of their services start; '' or why it could not. */
export function install(programs: Readonly<Record<string, string>>): string {
  const missing = Object.entries(programs)
    .filter(([program]) => !isThere(program))
    .map(([, name]) => name);
  if (missing.length === 0) return '';
  return withoutServices(() =>
    apt(['install', '-y', '-qq', '--no-install-recommends', ...new Set(missing)], '/'),
  );
}

/**
 * Fetches Debian packages and unpacks them into a folder, beside the machine: none of their scripts runs, so that none registers
 * itself anywhere. Kept for the next time. @returns the version of each, or why there are none.
 */
export function unpack(
  names: readonly string[],
  folder: string,
): { versions: Record<string, string> } | { why: string } {
  const debs = join(folder, 'debs');
  if (!existsSync(debs)) {
    const next = `${debs}.${process.pid}`;
    mkdirSync(next, { recursive: true });
    const why = apt(['download', '-qq', '-o', 'APT::Sandbox::User=root', ...names], next);
    if (why !== '') {
      rmSync(next, { recursive: true });
      return { why };
    }
    renameSync(next, debs);
  }
  const files = readdirSync(debs).map((name) => join(debs, name));
  for (const file of files) run('dpkg-deb', ['-x', file, join(folder, 'unpacked')]);
  const versions = files.map((file) =>
    run('dpkg-deb', ['-W', '--showformat=${Package} ${Version}', file]).split(' '),
  );
  return { versions: Object.fromEntries(versions) as Record<string, string> };
}

/** Whether a program is in the path. */
export function isThere(program: string): boolean {
  return cleanEnvironment.PATH.split(':').some((directory) => existsSync(join(directory, program)));
}

/** Runs a program that has to succeed; what it printed. */
export function run(program: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { env: cleanEnvironment, encoding: 'utf8' });
  if (status !== 0)
    throw new Fault(`"${program} ${words.join(' ')}" ended with ${String(status)}: ${stderr}`);
  return stdout;
}

/** Runs apt-get, with fresh lists where the old ones do not do; '' or why it failed. */
function apt(words: readonly string[], cwd: string): string {
  const env = { ...cleanEnvironment, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { cwd, env, encoding: 'utf8', timeout: APT_MS } as const;
  const attempt = (): { status: number | null; stderr: string; error?: Error } =>
    spawnSync('apt-get', words, options);
  let done = attempt();
  if (done.status !== 0 && done.error === undefined) {
    spawnSync('apt-get', ['update', '-qq'], options);
    done = attempt();
  }
  if (done.status === 0) return '';
  const said = done.error?.message ?? done.stderr.trim().split('\n').at(-1) ?? '';
  return `apt-get ${words[0]} failed: ${said}`;
}

/** While the work is done, Debian's scripts start no service. */
function withoutServices(work: () => string): string {
  const kept = `${POLICY}.banshare-bench`;
  // Ctrl-C ends apt-get too; then the policy is put back first.
  process.once('SIGINT', () => process.exit(130));
  const isSet = existsSync(POLICY);
  if (isSet) renameSync(POLICY, kept);
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return work();
  } finally {
    rmSync(POLICY);
    if (isSet) renameSync(kept, POLICY);
  }
}
