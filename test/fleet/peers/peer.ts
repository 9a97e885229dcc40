import { randomBytes } from 'node:crypto';
import { Dealer, XSubscriber } from 'zeromq';
import { enrolmentText, parseHostName, type HostName, type RequestKind } from '@banshare/protocol';
import { parseToken } from '@banshare/runtime';
import {
  endpoint,
  JoinProof,
  makeIdentity,
  Requester,
  seal,
  Signer,
  Subscription,
  type Answer,
  type CurvePair,
  type Identity,
  type Sealed,
} from '@banshare/transport';
import type { FleetKeys, Ports } from '../roots.ts';

/** Where a peer finds its server. */
export type Meeting = { keys: FleetKeys; ports: () => Ports; address?: string };

/** Fields of the envelope that a test wants otherwise; `signer` signs instead of the peer's own key. */
export type Otherwise = { id?: string; at?: number; to?: string; key?: string; signer?: Signer };

/** A host played by the test itself, over real sockets: it says what a real host would not. */
export class Peer {
  readonly identity: Identity;
  readonly #meeting: Meeting;
  readonly #signer: Signer;
  readonly #requesters = new Map<string, Requester>();
  readonly #sockets = new Set<{ close: () => void }>();
  name: HostName | undefined;

  constructor(meeting: Meeting, identity: Identity) {
    this.#meeting = meeting;
    this.identity = identity;
    this.#signer = new Signer(identity.seedHex);
  }

  get #address(): string {
    return this.#meeting.address ?? '127.0.0.1';
  }

  /** Makes a key and enrols it; the server may give it another name. */
  static async enrolled(meeting: Meeting, wanted: string): Promise<Peer> {
    const peer = new Peer(meeting, await makeIdentity());
    const answer = await peer.enrol(wanted);
    if (!answer.ok || answer.reply.status !== 'OK') {
      peer.close();
      throw new Error(`cannot enrol ${wanted}: ${JSON.stringify(answer)}`);
    }
    return peer;
  }

  /** The same host at another generation or server. */
  at(meeting: Meeting): Peer {
    const peer = new Peer(meeting, this.identity);
    peer.name = this.name;
    return peer;
  }

  async enrol(wanted: string, addresses: readonly string[] = []): Promise<Answer> {
    const { request, id } = this.enrolment(wanted, addresses);
    const answer = await this.ask(request, { id }, this.#meeting.keys.join);
    const given = answer.ok ? parseHostName(String(answer.reply.fields['name'])) : undefined;
    if (given?.ok === true) this.name = given.value;
    return answer;
  }

  /** The enrolment of a key, this peer's own or another, with the proof that the join key is known; to be sent with that id. */
  enrolment(
    wanted: string,
    addresses: readonly string[] = [],
    key = this.identity.publicHex,
  ): { request: RequestKind; id: string } {
    const { server, join } = this.#meeting.keys;
    const [id, name] = [makeId(), wanted as HostName];
    const text = enrolmentText({ id, key, to: server.publicKey }, name);
    const proof = new JoinProof(join.secretKey, server.publicKey).of(text);
    return { request: { kind: 'enrol', name, addresses, join: proof }, id };
  }

  /** Enrols by a token, as who has its text does; over its key, or another's. */
  async join(wanted: string, text: string, over?: CurvePair): Promise<Answer> {
    const token = parseToken(text);
    if (!token.ok) throw new Error(token.fault);
    const { id: which, secret } = token.value;
    const to = this.#meeting.keys.server.publicKey;
    const [id, key, name] = [makeId(), this.identity.publicHex, wanted as HostName];
    const proof = new JoinProof(secret.secretKey, to, 'token').of(enrolmentText({ id, key, to }, name));
    const request = { kind: 'enrol', name, addresses: [], join: proof, token: which } as const;
    const answer = await this.ask(request, { id }, over ?? secret);
    const given = answer.ok ? parseHostName(String(answer.reply.fields['name'])) : undefined;
    if (given?.ok === true) this.name = given.value;
    return answer;
  }

  get serverKey(): string {
    return this.#meeting.keys.server.publicKey;
  }

  /** A signed request of this peer. */
  sealed(request: RequestKind, otherwise: Otherwise = {}): Sealed {
    const { signer = this.#signer, ...fields } = otherwise;
    const envelope = {
      id: makeId(),
      at: Date.now() / 1000,
      key: this.identity.publicHex,
      to: this.#meeting.keys.server.publicKey,
      ...fields,
    };
    return seal(envelope, request, signer);
  }

  /** Asks the server over this peer's own CURVE key, or another's. */
  ask(request: RequestKind, otherwise: Otherwise = {}, curve = this.identity.curve): Promise<Answer> {
    return this.send(this.sealed(request, otherwise), curve);
  }

  /** Sends a request as it is and waits for the answer. */
  send(message: Sealed, curve: CurvePair = this.identity.curve, timeoutMs = 10_000): Promise<Answer> {
    const { keys, ports } = this.#meeting;
    const at = endpoint(this.#address, ports().report);
    const known = this.#requesters.get(at + curve.publicKey);
    const requester = known ?? new Requester({ endpoint: at, serverKey: keys.server.publicKey, curve });
    this.#requesters.set(at + curve.publicKey, requester);
    return requester.request(message, timeoutMs);
  }

  /** A socket that sends whatever frames the test likes; closed with the fleet at the latest, as the others are. */
  dealer(): Dealer {
    const socket = this.#kept(new Dealer({ linger: 0, receiveTimeout: 10_000, ...this.#curve() }));
    socket.connect(endpoint(this.#address, this.#meeting.ports().report));
    return socket;
  }

  /** A subscription to all that is published. */
  subscribe(): Subscription {
    const { keys, ports } = this.#meeting;
    const at = endpoint(this.#address, ports().publish);
    const server = { endpoint: at, serverKey: keys.server.publicKey, curve: this.identity.curve };
    return this.#kept(new Subscription(server, 100));
  }

  /** A bare subscriber socket, for what no honest host does. */
  subscriber(): XSubscriber {
    const socket = this.#kept(new XSubscriber({ linger: 0, sendHighWaterMark: 0, ...this.#curve() }));
    socket.connect(endpoint(this.#address, this.#meeting.ports().publish));
    return socket;
  }

  /** Ends the connections over which it asks; the next question opens another. */
  close(): void {
    for (const requester of this.#requesters.values()) requester.close();
  }

  /** Ends all its connections, also those that a failed test left open: they would keep its process alive. */
  leave(): void {
    this.close();
    for (const socket of this.#sockets) socket.close();
  }

  #kept<T extends { close: () => void }>(socket: T): T {
    this.#sockets.add(socket);
    return socket;
  }

  #curve(): { curveServerKey: string; curvePublicKey: string; curveSecretKey: string } {
    const { publicKey, secretKey } = this.identity.curve;
    return {
      curveServerKey: this.#meeting.keys.server.publicKey,
      curvePublicKey: publicKey,
      curveSecretKey: secretKey,
    };
  }
}

/** A request id as a host makes it. */
export function makeId(): string {
  return randomBytes(16).toString('hex');
}
