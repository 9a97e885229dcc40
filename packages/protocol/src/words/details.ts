import type { Details } from './ban.ts';
import type { FieldReader } from './json.ts';
import { parsePort, parseTransport } from './names.ts';

/**
 * Reads what describes a ban and steers nothing. What cannot be read of it is left out, and no fault: a host's ban shall not
 * be lost, nor a subscriber stop, for a port that is written in another way.
 */
export function readDetails(read: FieldReader): Details {
  const details: Details = {};
  const failures = read.described('failures', (own) => own.integer('failures', 0, 1_000_000_000));
  if (failures !== undefined) details.failures = failures;
  const port = read.described('port', (own) => own.parsed('port', 255, parsePort));
  if (port !== undefined) details.port = port;
  const protocol = read.described('protocol', (own) => own.parsed('protocol', 32, parseTransport));
  if (protocol !== undefined) details.protocol = protocol;
  return details;
}
