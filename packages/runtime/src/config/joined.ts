import { bad, good, quote, type Result } from '@banshare/protocol';
import { curveKey } from './kinds/field-kinds.ts';
import { port, servers } from './kinds/kinds.ts';
import { bakedFleet } from './baked.ts';
import type { FleetNote } from '../handover/fleet-note.ts';

/**
 * The fleet that this host joined by a token. `insteadOf` is the generation that the program knew then: a program of a newer one, as
 * an upgrade lays it, counts more.
 */
export type JoinedFleet = FleetNote & { readonly insteadOf: string | null };

/** Reads where the servers are from what a token or a file of this host says, strictly. */
export function readKnownFleet(document: unknown): Result<FleetNote> {
  if (typeof document !== 'object' || document === null) return bad('it is no object of JSON');
  const fields = document as Readonly<Record<string, unknown>>;
  const generation = fields['generation'];
  if (typeof generation !== 'string' || !/^[!-:<-~]{1,64}$/.test(generation))
    return bad(`its generation is none: ${quote(String(generation))}`);
  const reads = {
    servers: servers(fields['servers']),
    reportPort: port(fields['reportPort']),
    publishPort: port(fields['publishPort']),
    serverPublicKey: curveKey(fields['serverPublicKey']),
  };
  for (const [name, read] of Object.entries(reads)) if (!read.ok) return bad(`its ${name} ${read.fault}`);
  const { servers: where, reportPort, publishPort, serverPublicKey } = reads;
  if (!where.ok || !reportPort.ok || !publishPort.ok || !serverPublicKey.ok) return bad('it says no server');
  return good({
    generation,
    servers: where.value,
    reportPort: reportPort.value,
    publishPort: publishPort.value,
    serverPublicKey: serverPublicKey.value,
  });
}

/** The text of the file that says which fleet this host joined; nothing in it is secret. */
export function formatJoined(fleet: JoinedFleet): string {
  return `${JSON.stringify(fleet, null, 2)}\n`;
}

/** What such a text says; undefined where it says nothing that can be read. */
export function parseJoined(text: string): JoinedFleet | undefined {
  try {
    const document = JSON.parse(text) as unknown;
    const read = readKnownFleet(document);
    if (!read.ok) return undefined;
    const { insteadOf } = document as { insteadOf?: unknown };
    return { ...read.value, insteadOf: typeof insteadOf === 'string' ? insteadOf : null };
  } catch {
    return undefined;
  }
}

/** The fleet of a host: the one that it joined, unless the program is newer than that and than the one before. */
export function newerFleet(
  joined: JoinedFleet | undefined,
  baked: FleetNote | undefined = bakedFleet,
): FleetNote | undefined {
  if (joined === undefined || baked === undefined) return joined ?? baked;
  const isUpgraded = baked.generation !== joined.insteadOf && baked.generation > joined.generation;
  return isUpgraded ? baked : joined;
}
