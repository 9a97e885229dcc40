import { howEnded, type Ended, type ExecOptions } from '../../host/exec.ts';

/** The unit takes every capability away: fail2ban's socket needs none. */
const CAPABILITY = 'the client needs CAP_NET_ADMIN and CAP_NET_RAW, see systemctl cat banshare-client';

/** Runs a program of the firewall. */
export type RunTool = (words: readonly string[], options?: ExecOptions) => Promise<Ended>;

/** Why an enforcer cannot work with a program, and what to do. */
export function cannotUse(what: string, ended: Ended, debianPackage = what): string {
  if (ended.isMissing !== true) return `${what} cannot be used: ${said(ended)}`;
  return `${what} cannot be used: ${ended.stderr}. Install ${debianPackage}, or set another [apply] enforcer.`;
}

/** What a program said of its failure, in one line. */
export function said(ended: Ended): string {
  const { isTooLong, stderr, stdout } = ended;
  if (isTooLong === true) return stderr;
  const words = (stderr.trim() || stdout.trim()).replaceAll(/\s+/g, ' ').slice(0, 200);
  const why = /not permitted/.test(words) ? `; ${CAPABILITY}` : '';
  return `${howEnded(ended)}: ${words}${why}`;
}
