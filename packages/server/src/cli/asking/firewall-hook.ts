import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { complain, EXIT, type HostPaths, writeAtomic } from '@banshare/runtime';

/** The two ports of a generation, as the daemon tells them; null where its server did not have it. */
export type Ports = { reportPort: number | null; publishPort: number | null };

/**
 * Closes the ports of a retired generation by the administrator's hook, and says on stderr what is left to do. The hook runs
 * as root, so it is called only for a pair that it once opened, whatever the daemon says. Returns the exit code.
 */
export function closePorts(paths: HostPaths, { reportPort, publishPort }: Ports): number {
  if (reportPort === null || publishPort === null) return 0;
  const pair = `${reportPort} ${publishPort}`;
  const opened = existsSync(paths.firewallOpened)
    ? readFileSync(paths.firewallOpened, 'utf8').split('\n')
    : [];
  if (!opened.includes(pair)) {
    say(`Close TCP ports ${reportPort} and ${publishPort} where you opened them.`);
    return 0;
  }
  const why = runHook(paths, 'close', pair);
  if (why !== undefined) {
    say(
      `The hook "${paths.firewallHook}" failed (${why}): close TCP ports ${reportPort} and ${publishPort} yourself.`,
    );
    return EXIT.failed;
  }
  const rest = opened.filter((line) => line !== pair);
  writeAtomic(paths.firewallOpened, rest.join('\n'), 0o600);
  say(`The hook "${paths.firewallHook}" closed TCP ports ${reportPort} and ${publishPort}.`);
  return 0;
}

/**
 * Opens the ports of a generation by the administrator's hook, once for each pair, and says on stderr what is left to do. Returns
 * the exit code.
 */
export function openPorts(paths: HostPaths, reportPort: number, publishPort: number): number {
  const ports = `TCP ports ${reportPort} and ${publishPort}`;
  if (!existsSync(paths.firewallHook)) {
    say(`Let your hosts reach ${ports}: in this machine's firewall, and in your provider's.`);
    return 0;
  }
  const pair = `${reportPort} ${publishPort}`;
  const opened = existsSync(paths.firewallOpened) ? readFileSync(paths.firewallOpened, 'utf8') : '';
  if (opened.split('\n').includes(pair)) return 0;
  const why = runHook(paths, 'open', pair);
  if (why !== undefined) {
    say(`The hook "${paths.firewallHook}" failed (${why}): let your hosts reach ${ports} yourself.`);
    return EXIT.failed;
  }
  writeAtomic(paths.firewallOpened, `${opened}${pair}\n`, 0o600);
  say(`The hook "${paths.firewallHook}" opened ${ports}.`);
  return 0;
}

/** Why the hook failed, where it did. */
function runHook({ firewallHook }: HostPaths, verb: 'open' | 'close', pair: string): string | undefined {
  const { status, error } = spawnSync(firewallHook, [verb, ...pair.split(' ')], { stdio: ['ignore', 2, 2] });
  return status === 0 ? undefined : (error?.message ?? `it ended with ${status}`);
}

function say(line: string): void {
  complain('banshare-server', line);
}
