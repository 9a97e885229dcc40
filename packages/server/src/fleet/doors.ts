import type { Changes } from '../ledger/changes.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Admissions } from '../ports/admissions.ts';
import type { HostBook } from './hosts.ts';
import { curvesOf, type Host } from '../words/host.ts';

/** The publish port's doors, in the fan-out child. */
export type PublishDoors = { admit: (curve: string) => Promise<void>; expel: (curve: string) => void };

/**
 * Who is let in at both ports: the keys of the hosts that are in the fleet, as the ledger has them. Whatever changes there, at this server
 * or another, opens and shuts the doors behind the commit.
 */
export class Doors {
  readonly #book: HostBook;
  readonly #admissions: Admissions;
  readonly #publish: PublishDoors;
  /** The keys that are let in, by the ids of their hosts. */
  readonly #open = new Map<number, readonly string[]>();

  /** Follows the ledger from now on; those that are in are let in by whoever opens the ports. */
  constructor(parts: { ledger: Ledger; book: HostBook; admissions: Admissions; doors: PublishDoors }) {
    this.#book = parts.book;
    this.#admissions = parts.admissions;
    this.#publish = parts.doors;
    for (const host of this.#book.active()) this.#open.set(host.id, curvesOf(host));
    parts.ledger.follow({ applied: (changes) => this.#follow(changes) });
  }

  /** Resolves once the publish port lets a host in, too. */
  async opened(host: Host): Promise<void> {
    if (host.state !== 'active') return;
    await Promise.all(curvesOf(host).map((curve) => this.#publish.admit(curve)));
  }

  #follow({ isAll, hosts }: Changes): void {
    const all = isAll ? [...this.#open.keys(), ...this.#book.all().map(({ id }) => id)] : hosts;
    for (const id of new Set(all)) this.#become(id);
  }

  #become(id: number): void {
    const host = this.#book.byId(id);
    const before = this.#open.get(id) ?? [];
    const now = host?.state === 'active' ? curvesOf(host) : [];
    for (const curve of now.filter((each) => !before.includes(each))) {
      this.#admissions.admitHost(curve);
      void this.#publish.admit(curve);
    }
    for (const curve of before.filter((each) => !now.includes(each))) {
      this.#admissions.expelHost(curve);
      this.#publish.expel(curve);
    }
    if (now.length === 0) this.#open.delete(id);
    else this.#open.set(id, now);
  }
}
