import type { Address } from '@banshare/protocol';

/** A connection that came in says something within so many seconds, or is taken for one that never will. */
const ARRIVAL_SECONDS = 60;
const MOST_ARRIVALS = 8;
/** Connections remembered; a reporter makes a new one for each report, so those that speak on are kept. */
const MOST_CONNECTIONS = 20_000;

type Arrival = { address: Address; at: number };

/**
 * Reckons from where a host's signed word came. zeromq.js does not tell; but ZAP tells from where a key came in, and the first
 * frame of a request which connection it came over. So the first word over a new connection is of the last arrival of that key
 * that has not spoken yet, and what comes over that connection later is from there too. Where several arrive at once they may
 * be mixed up; each of them proved the host's key from where it came all the same.
 */
export class WhereFrom {
  readonly #arrivals = new Map<number, Arrival[]>();
  readonly #last = new Map<number, Address>();
  readonly #connections = new Map<string, { hostId: number; address: Address }>();

  /** A host's key was let in from an address; now is epoch seconds. */
  arrived(hostId: number, address: Address, now: number): void {
    const fresh = (this.#arrivals.get(hostId) ?? []).filter(({ at }) => now - at < ARRIVAL_SECONDS);
    this.#arrivals.set(hostId, [...fresh.slice(1 - MOST_ARRIVALS), { address, at: now }]);
    this.#last.set(hostId, address);
  }

  /** From where a host speaks over a connection; undefined where its key did not come in since this server started. */
  spoke(hostId: number, connection: string, now: number): Address | undefined {
    const known = this.#connections.get(connection);
    const address = known?.hostId === hostId ? known.address : this.#claim(hostId, now);
    if (address === undefined) return undefined;
    // Put behind all others, so that those which are silent for longest are forgotten first.
    this.#connections.delete(connection);
    this.#connections.set(connection, { hostId, address });
    if (this.#connections.size > MOST_CONNECTIONS) {
      for (const oldest of this.#connections.keys()) {
        this.#connections.delete(oldest);
        break;
      }
    }
    return address;
  }

  forget(hostId: number): void {
    this.#arrivals.delete(hostId);
    this.#last.delete(hostId);
  }

  #claim(hostId: number, now: number): Address | undefined {
    const arrival = this.#arrivals.get(hostId)?.pop();
    if (arrival !== undefined && now - arrival.at < ARRIVAL_SECONDS) return arrival.address;
    return this.#last.get(hostId);
  }
}
