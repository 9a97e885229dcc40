import { bad, good, quote, type Result } from '@banshare/protocol';
import { parse, stringify } from 'smol-toml';
import { curveKey } from './kinds/field-kinds.ts';
import { command, port, servers, textBy, type Servers } from './kinds/kinds.ts';
import { readOptions, required } from './option-table.ts';
import { tomlFault } from './toml-fault.ts';

/** One generation of a fleet, as fleet.toml holds it and a build bakes it in; nothing in it is secret. */
export type Fleet = {
  /** Created time plus six hex digits of the server key's hash, as in `20261121T104500Z-a1b2c3`. */
  readonly generation: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  /** Where hosts reach the servers: all of them have the same ports and keys. */
  readonly servers: Servers;
  readonly reportPort: number;
  readonly publishPort: number;
  /** Z85. */
  readonly serverPublicKey: string;
  /** The ban command that clients of this build use by default. */
  readonly banCommand: string;
};

const generation = textBy((text) =>
  /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(text) ? good(text) : bad(`${quote(text)} is not a generation's name`),
);
const time = textBy((text) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text)
    ? good(text)
    : bad(`${quote(text)} is not a UTC time`),
);

/** Every key of fleet.toml, which `make regen` writes. */
export const fleetKeys = {
  generation: required(generation, 'The name of this generation of keys and ports.'),
  created: required(time, 'When it was made.'),
  server: required(servers, 'Where hosts reach the server, or a list of all servers.'),
  'report-port': required(port, 'The port for reports.'),
  'publish-port': required(port, 'The port for bans.'),
  'server-public-key': required(curveKey, "The server's public key in Z85."),
  'ban-command': required(command, 'What a client runs for a ban.'),
};

/** Reads a fleet.toml; all its faults are in one sentence each, joined. */
export function parseFleet(text: string): Result<Fleet> {
  let document: Record<string, unknown>;
  try {
    document = parse(text);
  } catch (error) {
    return bad(tomlFault(error));
  }
  const read = readOptions(fleetKeys, document, 'fleet.toml');
  if (!read.ok) return bad(read.faults.join('; '));
  const { server, ...more } = read.config;
  return good({ ...more, servers: server });
}

/** Writes a fleet.toml that parseFleet reads back; one server as a text, which earlier versions read too. */
export function formatFleet(fleet: Fleet): string {
  const [first, ...others] = fleet.servers;
  return stringify({
    generation: fleet.generation,
    created: fleet.created,
    server: others.length === 0 ? first : [...fleet.servers],
    'report-port': fleet.reportPort,
    'publish-port': fleet.publishPort,
    'server-public-key': fleet.serverPublicKey,
    'ban-command': fleet.banCommand,
  });
}
