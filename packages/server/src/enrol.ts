import { OPERATOR_HOST, type EnrolRequest, type Envelope } from '@banshare/protocol';
import { curveKeyOf } from '@banshare/transport';
import { refuse, type Answer } from './answer.ts';
import type { Host, HostBook } from './host-book.ts';

/** Opens both doors for a host's CURVE key; resolves once they are open. */
export type Admit = (curve: string) => Promise<void>;

/**
 * Takes a new host into the fleet. Its CURVE key is derived here from the key that signed, so that nobody can enrol a CURVE
 * key that is not its own. Asking again with the same key gives the same answer.
 */
export async function enrol(
  request: Envelope & EnrolRequest,
  book: HostBook,
  admit: Admit,
  now: number,
): Promise<{ answer: Answer; newcomer?: Host }> {
  if (request.name === OPERATOR_HOST) {
    return {
      answer: refuse('name', `no host may be called ${OPERATOR_HOST}: set another name in client.toml`),
    };
  }
  const known = book.byKey(request.key);
  if (known !== undefined) {
    await admit(known.curve);
    return { answer: accepted(known) };
  }
  const curve = await curveKeyOf(request.key);
  if (curve === undefined) return { answer: refuse('malformed', 'the host key is no Ed25519 public key') };
  // Two enrolments of one key may have met in the await.
  const host = book.byKey(request.key) ?? book.enrol({ ...request, curve }, now);
  await admit(host.curve);
  return { answer: accepted(host), newcomer: host };
}

function accepted(host: Host): Answer {
  return { status: 'OK', verdict: 'accepted', fields: { name: host.name } };
}
