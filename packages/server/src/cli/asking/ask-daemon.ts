import { userInfo } from 'node:os';
import { askBy, complain, EXIT, hostPaths, tell, tellJson, type AdminReply } from '@banshare/runtime';
import type { ArgumentsCamelCase, CommandModule } from 'yargs';
import { ACTIONS } from '../../operator/actions.ts';
import { isDeed } from '../../operator/allowed.ts';

/** What every command is given; a reason where somebody gave one, which goes with each deed that he asks for. */
type Common = { root: string; json: boolean; reason?: unknown };

/** The words of a command line as yargs gives them. */
export type Words = ArgumentsCamelCase<Common & Record<string, unknown>>;

/** `inner` are commands of its own. */
export type Command = CommandModule<object, Words> & { inner?: readonly Command[] };

type Request = { command: string; args?: Readonly<Record<string, unknown>> };

/**
 * Asks the daemon and shows its answer; `judge` turns a good answer into an exit code. Several requests are asked one after the
 * other, each is answered whatever became of the others, and the worst code counts.
 */
export type Ask = <T>(
  common: Common,
  request: Request | readonly Request[],
  show: (result: T) => string,
  judge?: (result: T) => number,
) => Promise<void>;

/** The daemon takes no longer one. */
const LONGEST_USER = 64;
/** A drill waits for every host. */
const PATIENCE_MS = 60_000;

/** Exit codes of what the daemon refuses; all else is EXIT.failed. */
const CODES: ReadonlyMap<string, number> = new Map([
  ['no-daemon', EXIT.noDaemon],
  ['configuration', EXIT.configuration],
  ...['jail', 'duration', 'mode', 'undo', 'uses', 'usage'].map((code) => [code, EXIT.usage] as const),
]);

/** The exit code for what the daemon refuses. */
export function codeOf(code: string): number {
  return CODES.get(code) ?? EXIT.failed;
}

/** An Ask that leaves its exit code with the caller. */
export function askWith(setCode: (code: number) => void): Ask {
  return async ({ root, json, reason }, request, show, judge = () => EXIT.done) => {
    const requests: readonly Request[] = 'command' in request ? [request] : request;
    const results: Parameters<typeof show>[0][] = [];
    let worst: number = EXIT.done;
    for (const asked of requests) {
      const hasReason = reason !== undefined && isDeed(asked);
      const one = hasReason ? { ...asked, args: { ...asked.args, reason } } : asked;
      const reply = await askServer(root, one);
      if (!reply.ok) {
        complain('banshare-server', reply.reason);
        worst = Math.max(worst, codeOf(reply.code));
        if (reply.code === 'no-daemon') break;
        continue;
      }
      const result = reply.result as Parameters<typeof show>[0];
      if (!json) tell(show(result));
      results.push(result);
      worst = Math.max(worst, judge(result));
    }
    if (json && requests.length > 1) tellJson({ results });
    else if (json && results.length > 0) tellJson(results[0]);
    setCode(worst);
  };
}

/** Asks as root at root's socket; who may not open that asks at the one of operators. */
export async function askServer(root: string, request: Request): Promise<AdminReply> {
  const { serverSocket, operatorsSocket } = hostPaths(root);
  const asked = isDeed(request) ? { ...request, by: userName() } : request;
  const reply = await askBy(ACTIONS, serverSocket, asked, PATIENCE_MS);
  if (reply.ok || reply.code !== 'no-permission') return reply;
  const other = await askBy(ACTIONS, operatorsSocket, asked, PATIENCE_MS);
  if (other.ok || !['no-permission', 'no-daemon'].includes(other.code)) return other;
  const reason =
    'Cannot ask the server: only root and members of the group banshare-operators may, and it has to run; after usermod --append --groups banshare-operators NAME that user logs in again';
  return { ok: false, code: 'no-permission', reason };
}

/** Who types this: behind sudo whoever called that. Nobody checks it; the audit log says that it was said. */
function userName(): string {
  const { SUDO_USER: behindSudo } = process.env;
  if (behindSudo !== undefined && behindSudo !== '') return behindSudo.slice(0, LONGEST_USER);
  try {
    return userInfo().username.slice(0, LONGEST_USER);
  } catch {
    return `user ${process.geteuid?.() ?? 'unknown'}`;
  }
}
