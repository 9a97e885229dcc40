import { askBy, type AdminReply, type AdminRequest, type HostPaths } from '@banshare/runtime';
import { runningClient } from '../host/processes.ts';
import { wait } from '../host/wait.ts';
import { ACTIONS } from '../admin/actions.ts';

/** A daemon whose socket was taken away makes it again within 2 s, and needs as long once it starts. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 200;

/**
 * Asks the client daemon of this host. One that runs and whose socket is not there is waited for: `no-daemon` is only said where
 * none runs, since whoever hears that goes on without it, and beside a running one would do so in vain.
 */
export async function askDaemon(
  paths: Pick<HostPaths, 'clientSocket' | 'root'>,
  request: AdminRequest,
  timeoutMs: number,
): Promise<AdminReply> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const reply = await askBy(ACTIONS, paths.clientSocket, request, timeoutMs);
    if (reply.ok || reply.code !== 'no-daemon') return reply;
    const pid = runningClient(paths.root);
    if (pid === undefined) return reply;
    if (patience.aborted) {
      const reason = `banshare-client runs here as process ${pid}, but nothing answers at ${paths.clientSocket}: stop it, and ask again`;
      return { ok: false, code: 'no-answer', reason };
    }
    await wait(LOOK_MS, patience);
  }
}
