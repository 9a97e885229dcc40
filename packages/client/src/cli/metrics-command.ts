import { complain, EXIT, exposed, hostPaths, tell, tellJson, type Form } from '@banshare/runtime';
import { askDaemon } from './ask-daemon.ts';
import { clientFamilies } from '../metrics/families.ts';
import type { ClientMeasures } from '../metrics/measures.ts';

const ASK_MS = 10_000;

/** `metrics`: what a monitoring reads, as text of one form, or as JSON. Returns the exit code. */
export async function showMetrics(root: string, form: Form | 'json'): Promise<number> {
  const reply = await askDaemon(hostPaths(root), { command: 'metrics' }, ASK_MS);
  if (!reply.ok) {
    complain('banshare-client', reply.reason);
    return reply.code === 'no-daemon' ? EXIT.noDaemon : EXIT.failed;
  }
  const measures = reply.result as ClientMeasures;
  if (form === 'json') tellJson(measures);
  else tell(exposed(clientFamilies(measures), form).trimEnd());
  return EXIT.done;
}
