import {
  complain,
  EXIT,
  exposed,
  hostPaths,
  tell,
  tellJson,
  writeMetricsFile,
  type AdminReply,
  type Form,
} from '@banshare/runtime';
import { askDaemon } from './ask-daemon.ts';
import { clientFamilies } from '../metrics/families.ts';
import type { ClientMeasures } from '../metrics/measures.ts';

const ASK_MS = 10_000;

/** `metrics`: what a monitoring reads, as text of one form, as JSON, or in a file. Returns the exit code. */
export async function showMetrics(root: string, to: Form | 'json' | { file: string }): Promise<number> {
  const reply = await askDaemon(hostPaths(root), { command: 'metrics' }, ASK_MS);
  if (typeof to === 'object') return writeMetrics(reply, to.file);
  if (!reply.ok) return refused(reply);
  const measures = reply.result as ClientMeasures;
  if (to === 'json') tellJson(measures);
  else tell(exposed(clientFamilies(measures), to).trimEnd());
  return EXIT.done;
}

/** That the client does not run stands in the file then, and that is all that whoever writes it has to do. */
function writeMetrics(reply: AdminReply, file: string): number {
  try {
    writeMetricsFile(file, clientFamilies(reply.ok ? (reply.result as ClientMeasures) : undefined));
  } catch (error) {
    complain('banshare-client', (error as Error).message);
    return EXIT.failed;
  }
  return reply.ok || reply.code === 'no-daemon' ? EXIT.done : refused(reply);
}

function refused({ code, reason }: AdminReply & { ok: false }): number {
  complain('banshare-client', reason);
  return code === 'no-daemon' ? EXIT.noDaemon : EXIT.failed;
}
