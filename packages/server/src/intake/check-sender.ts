import { CLOCK_SECONDS, OLDEST_SECONDS, parseRequest, quote, type Request } from '@banshare/protocol';
import { MAC_BYTES, MacChecker, SignatureChecker, type Incoming } from '@banshare/transport';
import { refuse, retry, type Answer } from '../words/answer.ts';
import type { HostBook } from '../fleet/hosts.ts';
import type { Host } from '../words/hosts/host.ts';

/** A request whose sender is proven; a newcomer has no host yet, only its key. */
export type Proven = { request: Request; host: Host | undefined };

/** Nobody keeps a rotation for later. */
const OLDEST_ROTATION = 300;

/**
 * Finds out who sent a request. zeromq.js does not tell which key a message came over, so the signature alone binds it to a
 * host; ZAP is only the outer door.
 */
export class SenderCheck {
  readonly #book: HostBook;
  readonly #serverKeys: ReadonlySet<string>;
  readonly #signatures = new SignatureChecker();
  readonly #macs: MacChecker;

  /** @param secretOf the secret half of a server key in service, by which MACs are checked. */
  constructor(
    book: HostBook,
    serverKeys: ReadonlySet<string>,
    secretOf: (serverKey: string) => string | undefined,
  ) {
    this.#book = book;
    this.#serverKeys = serverKeys;
    this.#macs = new MacChecker(secretOf);
  }

  check(incoming: Incoming, now: number): Proven | { answer: Answer; id: string } {
    const parsed = parseRequest(incoming.subject, incoming.body);
    if (!parsed.ok) return { answer: refuse(parsed.code, parsed.fault), id: parsed.id ?? '' };
    const request = parsed.value;
    const host = this.#book.byKey(request.key);
    const fault = this.#faultOf(request, incoming, host) ?? clockFault(request, now);
    return fault === undefined ? { request, host } : { answer: fault, id: request.id };
  }

  #faultOf(request: Request, incoming: Incoming, host: Host | undefined): Answer | undefined {
    if (!this.#serverKeys.has(request.to)) {
      return refuse('wrong-server', 'the request is addressed to the key of another server or generation');
    }
    if (host === undefined && request.kind !== 'enrol') {
      return refuse('unknown-key', 'this host key is not enrolled here: run banshare-client enrol');
    }
    const stateFault = host === undefined || request.kind === 'enrol' ? undefined : faultOfState(host);
    if (stateFault !== undefined) return stateFault;
    if (!this.#isProven(request, incoming, host)) {
      return refuse('signature', 'the signature does not fit the key and the message');
    }
    if (
      request.kind === 'report' &&
      host !== undefined &&
      request.sender !== host.name &&
      request.sender !== host.wanted
    ) {
      return refuse('sender', `this key belongs to ${host.name}, not to ${quote(request.sender)}`);
    }
    return undefined;
  }

  /** By the signature, or by the MAC of a host that is in: what makes or changes keys is always signed. */
  #isProven(request: Request, { signed, signature }: Incoming, host: Host | undefined): boolean {
    if (signature.length !== MAC_BYTES) return this.#signatures.holds(request.key, signed, signature);
    if (host === undefined || request.kind === 'enrol' || request.kind === 'rotate') return false;
    const curve = host.key === request.key ? host.curve : host.next?.curve;
    return curve !== undefined && this.#macs.holds({ host: curve, server: request.to }, signed, signature);
  }
}

function faultOfState(host: Host): Answer | undefined {
  if (host.state === 'pending')
    return refuse(
      'pending',
      `${host.name} waits for an operator: banshare-server hosts approve ${host.name}`,
    );
  if (host.state === 'revoked') return refuse('revoked', `the key of ${host.name} was revoked`);
  return undefined;
}

/** Only what changes the ledger is bound to time; a host with a wrong clock must still be able to follow. */
function clockFault(request: Request, now: number): Answer | undefined {
  const { kind } = request;
  if (kind !== 'report' && kind !== 'unban' && kind !== 'rotate') return undefined;
  const age = now - request.at;
  if (age >= -CLOCK_SECONDS && age <= (kind === 'rotate' ? OLDEST_ROTATION : OLDEST_SECONDS))
    return undefined;
  return retry(
    'clock',
    `the ${kind === 'rotate' ? 'rotation' : 'report'}'s time is ${Math.round(Math.abs(age))} s ${age < 0 ? 'ahead of' : 'behind'} the server's`,
  );
}
