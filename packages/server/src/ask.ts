import { askAdmin, complain, hostPaths, tell, tellJson } from '@banshare/runtime';
import type { ArgumentsCamelCase, CommandModule } from 'yargs';

/** What every command is given. */
type Common = { root: string; json: boolean };

/** The words of a command line as yargs gives them. */
export type Words = ArgumentsCamelCase<Common & Record<string, unknown>>;

export type Command = CommandModule<object, Words>;

/** Asks the daemon and shows its answer; `judge` turns a good answer into an exit code. */
export type Ask = <T>(
  common: Common,
  request: { command: string; args?: Readonly<Record<string, unknown>> },
  show: (result: T) => string,
  judge?: (result: T) => number,
) => Promise<void>;

const NO_DAEMON = 69;
/** A drill waits for every host. */
const PATIENCE_MS = 60_000;

/** An Ask that leaves its exit code with the caller. */
export function askWith(setCode: (code: number) => void): Ask {
  return async ({ root, json }, request, show, judge = () => 0) => {
    const reply = await askAdmin(hostPaths(root).serverSocket, request, PATIENCE_MS);
    if (!reply.ok) {
      complain('banshare-server', reply.reason);
      setCode(reply.code === 'no-daemon' ? NO_DAEMON : 1);
      return;
    }
    const result = reply.result as Parameters<typeof show>[0];
    if (json) tellJson(result);
    else tell(show(result));
    setCode(judge(result));
  };
}
