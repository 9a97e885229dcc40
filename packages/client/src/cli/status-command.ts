import {
  EXIT,
  hostPaths,
  PLUGIN_EXIT,
  tell,
  tellJson,
  type AdminReply,
  type ClientConfig,
  type HostPaths,
  type ServerEndpoint,
} from '@banshare/runtime';
import { isInOrder, type ClientStatus } from '../admin/status.ts';
import { wait } from '../host/wait.ts';
import { askDaemon } from './ask-daemon.ts';
import { diagnose } from './diagnose.ts';
import { showFinding, type Finding } from './finding.ts';
import { pausedWithout } from './pause-commands.ts';
import { clientPlugin } from './plugin.ts';
import { receiptFindings } from './receipt-findings.ts';
import { showPaused, showStatus } from './show-status.ts';

/** The first heartbeat comes within a second of the subscription. */
const SETTLE_MS = 4000;
const LOOK_MS = 250;
/** The daemon answers at once, unless a burst of bans is being written. */
const STATUS_MS = 10_000;

/** `status`: what the daemon tells and what can be seen beside it; as JSON, for people, or as a monitoring plugin. Returns the exit code. */
export async function showHost(
  root: string,
  { config, serverEndpoint }: { config: ClientConfig; serverEndpoint: ServerEndpoint },
  { json, nagios }: { json: boolean; nagios?: unknown },
): Promise<number> {
  const paths = hostPaths(root);
  const reply = await askSettled(paths);
  const running = reply.ok ? (reply.result as ClientStatus) : undefined;
  const findings = [
    ...(running?.receipt === undefined ? [] : receiptFindings(running.receipt)),
    ...(await diagnose(config, serverEndpoint, paths)),
  ];
  if (nagios === true) {
    const { state, line } = clientPlugin(reply, findings);
    tell(line);
    return PLUGIN_EXIT[state];
  }
  const isThere = reply.ok || reply.code !== 'no-daemon';
  const pausedAt = running === undefined ? pausedWithout(paths.clientState) : running.pausedAt;
  const isWell = running !== undefined && isInOrder(running) && findings.every(({ ok }) => ok);
  if (json) tellJson({ running: isThere, pausedAt: pausedAt ?? null, ...running, findings });
  else showAll(reply, pausedAt ?? undefined, findings);
  if (!isThere) return EXIT.noDaemon;
  return isWell ? EXIT.done : EXIT.failed;
}

/** The status of the daemon; one that was started a moment ago is given time for its first heartbeat. */
async function askSettled(paths: HostPaths): Promise<AdminReply> {
  const patience = AbortSignal.timeout(SETTLE_MS);
  for (;;) {
    const reply = await askDaemon(paths, { command: 'status' }, STATUS_MS);
    if (!reply.ok) return reply;
    const { phase } = reply.result as ClientStatus;
    const isUnderWay = phase === 'starting' || phase === 'enrolling' || phase === 'connecting';
    if (!isUnderWay || patience.aborted) return reply;
    await wait(LOOK_MS, patience);
  }
}

function showAll(reply: AdminReply, pausedAt: number | undefined, findings: readonly Finding[]): void {
  if (pausedAt !== undefined) tell(showPaused(pausedAt));
  tell(reply.ok ? showStatus(reply.result as ClientStatus) : absenceText(reply));
  for (const finding of findings) tell(showFinding(finding));
}

/** Only where there is none it does not run: one that is at work for longer than that does. */
function absenceText(reply: AdminReply & { ok: false }): string {
  return reply.code === 'no-daemon'
    ? 'banshare-client does not run on this host: systemctl start banshare-client; journalctl -u banshare-client says why it ended.'
    : `banshare-client cannot be asked: ${reply.reason}.`;
}
