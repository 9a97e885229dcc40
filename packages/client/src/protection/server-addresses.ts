import { parseAddress, type Address } from '@banshare/protocol';
import { monotonicSeconds, readServerNote, type HostPaths } from '@banshare/runtime';
import { lookUpAll, noteAddress } from '../server/server-address.ts';

const LOOK_UP_SECONDS = 60;

/**
 * Where the server is. A host that bans it is deaf, and cannot hear that the ban was lifted. So every address counts that its
 * name stands for, the one that this host is connected to, and the one that it noted for the reporter; while no resolver
 * answers, what it said last.
 */
export class ServerAddresses {
  readonly #server: string;
  readonly #paths: Pick<HostPaths, 'serverAddress'>;
  #resolved: readonly string[] = [];
  #connected: string | undefined;
  #lookedAt = -Infinity;
  #isLooking = false;

  /** @param server a name or an address. */
  constructor(server: string, paths: Pick<HostPaths, 'serverAddress'>) {
    this.#server = server;
    this.#paths = paths;
  }

  /** Hears to which address this host is about to connect. */
  connectTo(ip: string): void {
    this.#connected = ip;
  }

  /** Looks the name up where that is due, and notes it again. A resolver may take half a minute: nobody needs to wait for it. */
  async refresh(): Promise<void> {
    const isDue = monotonicSeconds() - this.#lookedAt >= LOOK_UP_SECONDS;
    if (this.#isLooking || !isDue || parseAddress(this.#server).ok) return;
    this.#isLooking = true;
    const found = await lookUpAll(this.#server);
    if (found.ok) this.#hear(found.value);
    this.#isLooking = false;
    this.#lookedAt = monotonicSeconds();
  }

  /** Every address that is known at this moment. */
  all(): Address[] {
    const texts = [this.#server, ...this.#resolved, this.#connected ?? '', this.#noted()];
    const addresses = texts.map((text) => parseAddress(text));
    return [...new Set(addresses.flatMap((address) => (address.ok ? [address.value] : [])))];
  }

  /** The reporter trusts a note only while it is young; the address in it stays as long as the name stands for it. */
  #hear(resolved: readonly string[]): void {
    this.#resolved = resolved;
    const noted = this.#noted();
    const ip = resolved.includes(noted) ? noted : resolved[0];
    if (ip !== undefined) noteAddress(this.#paths, this.#server, ip);
  }

  #noted(): string {
    const note = readServerNote(this.#paths.serverAddress);
    return note?.name === this.#server ? note.ip : '';
  }
}
