import { askBy, type AdminReply } from '@banshare/runtime';
import { ACTIONS } from '../../operator/actions.ts';

/** Milliseconds; a drill waits for every host, and a question for news as long as there are none. */
const PATIENCE_MS = 60_000;
/** Who looks wants to see soon that there is no answer. */
const LOOKING_MS = 5000;

/** Asks the server, as somebody where it is a deed; refusals are answers too. */
export type AskServer = (
  command: keyof typeof ACTIONS,
  args?: Readonly<Record<string, unknown>>,
  by?: string,
) => Promise<AdminReply>;

/** The server's socket for the page as a function. */
export function serverAt(socket: string): AskServer {
  return (command, args = {}, by) =>
    askBy(
      ACTIONS,
      socket,
      { command, args, ...(by === undefined ? {} : { by }) },
      command === 'overview' ? LOOKING_MS : PATIENCE_MS,
    );
}
