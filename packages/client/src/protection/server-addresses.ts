import { parseAddress, type Address } from '@banshare/protocol';
import { monotonicSeconds, readServerNote, type HostPaths, type Servers } from '@banshare/runtime';
import { lookUpAll, noteAddress } from '../server/server-address.ts';

const LOOK_UP_SECONDS = 60;

/**
 * Where the servers are. A host that bans its server is deaf, and cannot hear that the ban was lifted; and it may need another one
 * tomorrow. So every address counts that the name of any of them stands for, the one that this host is connected to, and those that
 * it noted for the reporter; while no resolver answers, what it said last.
 */
export class ServerAddresses {
  readonly #servers: readonly string[];
  readonly #paths: Pick<HostPaths, 'serverAddress'>;
  readonly #resolved = new Map<string, readonly string[]>();
  #connected: string | undefined;
  #lookedAt = -Infinity;
  #isLooking = false;

  /** @param servers names or addresses; none where it is not known who the servers are. */
  constructor(servers: Servers | readonly [], paths: Pick<HostPaths, 'serverAddress'>) {
    this.#servers = servers;
    this.#paths = paths;
  }

  /** Hears to which address this host is about to connect. */
  connectTo(ip: string): void {
    this.#connected = ip;
  }

  /** Looks the names up where that is due, and notes them again. A resolver may take half a minute: nobody needs to wait for it. */
  async refresh(): Promise<void> {
    const isDue = monotonicSeconds() - this.#lookedAt >= LOOK_UP_SECONDS;
    const names = this.#servers.filter((server) => !parseAddress(server).ok);
    if (this.#isLooking || !isDue || names.length === 0) return;
    this.#isLooking = true;
    const look = async (name: string): Promise<void> => {
      const found = await lookUpAll(name);
      if (found.ok) this.#hear(name, found.value);
    };
    await Promise.all(names.map(look));
    this.#isLooking = false;
    this.#lookedAt = monotonicSeconds();
  }

  /** Every address that is known at this moment. */
  all(): Address[] {
    const resolved = [...this.#resolved.values()].flat();
    const texts = [...this.#servers, ...resolved, this.#connected ?? '', ...this.#noted()];
    const addresses = texts.map((text) => parseAddress(text));
    return [...new Set(addresses.flatMap((address) => (address.ok ? [address.value] : [])))];
  }

  /** The reporter trusts a note only while it is young; the address in it stays as long as the name stands for it. */
  #hear(name: string, resolved: readonly string[]): void {
    this.#resolved.set(name, resolved);
    const [first, ...others] = this.#servers;
    const ip = this.#noted(name).find((noted) => resolved.includes(noted)) ?? resolved[0];
    if (ip !== undefined && first !== undefined) noteAddress(this.#paths, [first, ...others], { name, ip });
  }

  /** What is noted of one server, or of all. */
  #noted(name?: string): string[] {
    const noted = readServerNote(this.#paths.serverAddress)?.servers ?? [];
    const wanted = name === undefined ? this.#servers : [name];
    return noted.flatMap((each) => (wanted.includes(each.name) ? [each.ip] : []));
  }
}
