import type { HostName, Report } from '@banshare/protocol';
import { endpoint, Requester, type Sealed } from '@banshare/transport';
import { makeId, type Fleet, type Peer } from '../fleet/index.ts';
import { addressOf, type Chance } from './chance.ts';
import { moment } from './state-of.ts';

/** A report that the server answered OK. */
export type Acknowledged = { ip: string; id: string; verdict: string; seq: number };

const NO_ANSWER_MS = 500;

/**
 * Reporters that never give up: each report keeps its id and is sent again until it is answered OK. A part of the reports
 * repeats an address that another one was about.
 */
export class Load implements Disposable {
  readonly acknowledged: Acknowledged[] = [];
  readonly #peers: readonly Peer[];
  readonly #requesters: Requester[];
  readonly #chance: Chance;
  readonly #durationSeconds: number;
  #next = 0;
  #isClosed = false;
  #resent = 0;

  constructor(fleet: Fleet, peers: readonly Peer[], chance: Chance, durationSeconds = 86_400) {
    this.#peers = peers;
    this.#chance = chance;
    this.#durationSeconds = durationSeconds;
    const { keys, ports } = fleet.meeting;
    this.#requesters = peers.map(
      ({ identity }) =>
        new Requester({
          endpoint: endpoint('127.0.0.1', ports().report),
          serverKey: keys.server.publicKey,
          curve: identity.curve,
        }),
    );
  }

  /** How often a report had to be sent again. */
  get resent(): number {
    return this.#resent;
  }

  /** How many different addresses were reported. */
  get addresses(): number {
    return this.#next;
  }

  /**
   * Reports now and then through all reporters until `isOver`, and resolves when each report is answered OK: a steady load that
   * leaves room for the hosts' ban commands.
   */
  async run(isOver: () => boolean): Promise<void> {
    await Promise.all(
      this.#peers.map(async (peer, index) => {
        while (!isOver() && !this.#isClosed) {
          await this.#deliver(peer, index, this.#nextAddress());
          await moment(this.#chance.integer(0, 30));
        }
      }),
    );
  }

  /** Reports so many times, through all reporters at once; resolves when each is answered OK. */
  async send(count: number): Promise<void> {
    let left = count;
    await Promise.all(
      this.#peers.map(async (peer, index) => {
        while (left > 0 && !this.#isClosed) {
          left -= 1;
          await this.#deliver(peer, index, this.#nextAddress());
        }
      }),
    );
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const requester of this.#requesters) requester.close();
  }

  #nextAddress(): string {
    const isRepeated = this.#next > 0 && this.#chance.percent(15);
    if (isRepeated) return addressOf(this.#chance.integer(0, this.#next - 1));
    this.#next += 1;
    return addressOf(this.#next - 1);
  }

  async #deliver(peer: Peer, index: number, ip: string): Promise<void> {
    const id = makeId();
    while (!this.#isClosed) {
      const answer = await this.#requesters[index]?.request(this.#sealed(peer, id, ip), NO_ANSWER_MS);
      if (answer?.ok === true && answer.reply.status === 'OK') {
        const { verdict, fields } = answer.reply;
        this.acknowledged.push({ ip, id, verdict, seq: Number(fields['seq']) });
        return;
      }
      if (answer?.ok === true && answer.reply.status === 'REFUSED')
        throw new Error(`refused: ${answer.reply.reason}`);
      this.#resent += 1;
      await moment(this.#chance.integer(10, 30));
    }
  }

  #sealed(peer: Peer, id: string, ip: string): Sealed {
    const report = { prog: 'fail2ban', jail: 'sshd', ip, durationSeconds: this.#durationSeconds } as Report;
    return peer.sealed({ kind: 'report', sender: peer.name as HostName, report }, { id });
  }
}

/** Hosts without clients, each with a key of its own. */
export async function reporters(fleet: Fleet, count: number): Promise<Peer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => fleet.peer(`reporter${index}`)));
}
