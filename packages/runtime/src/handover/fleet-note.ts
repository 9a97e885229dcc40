import { readPrivate, writePrivate } from '../files/private-file.ts';

/** The generation that answered this host last: where its servers are, and by which key they are known. */
export type FleetNote = {
  readonly generation: string;
  readonly servers: readonly [string, ...string[]];
  readonly reportPort: number;
  readonly publishPort: number;
  readonly serverPublicKey: string;
};

/**
 * Reads the note, which the client writes and the reporter of its host reads too; undefined where there is none, or what is there
 * is none: then what is baked into the programs counts.
 */
export function readFleetNote(path: string): FleetNote | undefined {
  const read = readPrivate(path);
  if (!read.ok) return undefined;
  try {
    const note: unknown = JSON.parse(read.value.toString('utf8'));
    return isFleetNote(note) ? note : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the note. @throws the system's error. */
export function writeFleetNote(path: string, note: FleetNote): void {
  const { generation, servers, reportPort, publishPort, serverPublicKey } = note;
  writePrivate(
    path,
    `${JSON.stringify({ generation, servers, reportPort, publishPort, serverPublicKey })}\n`,
  );
}

function isFleetNote(value: unknown): value is FleetNote {
  if (typeof value !== 'object' || value === null) return false;
  const { generation, servers, reportPort, publishPort, serverPublicKey } = value as Partial<FleetNote>;
  const isPort = (port: unknown): boolean =>
    Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536;
  return (
    typeof generation === 'string' &&
    Array.isArray(servers) &&
    servers.length > 0 &&
    servers.every((server) => typeof server === 'string') &&
    isPort(reportPort) &&
    isPort(publishPort) &&
    typeof serverPublicKey === 'string' &&
    serverPublicKey.length === 40
  );
}
