import type { Changes } from '../ledger/changes.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Admissions } from '../ports/admissions.ts';
import type { HostBook } from './hosts.ts';
import { curvesOf, type Host } from '../words/hosts/host.ts';

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

  /** Follows the ledger from now on; what it brought since the ports were opened is made up for. */
  constructor(parts: { ledger: Ledger; book: HostBook; admissions: Admissions; doors: PublishDoors }) {
    this.#book = parts.book;
    this.#admissions = parts.admissions;
    this.#publish = parts.doors;
    const before = new Set(this.#admissions.hostKeys());
    for (const host of this.#book.active()) {
      const curves = curvesOf(host);
      this.#open.set(host.id, curves);
      for (const curve of curves) if (!before.delete(curve)) this.#letIn(curve);
    }
    for (const curve of before) this.#shutOut(curve);
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
    for (const curve of now.filter((each) => !before.includes(each))) this.#letIn(curve);
    for (const curve of before.filter((each) => !now.includes(each))) this.#shutOut(curve);
    if (now.length === 0) this.#open.delete(id);
    else this.#open.set(id, now);
  }

  #letIn(curve: string): void {
    this.#admissions.admitHost(curve);
    void this.#publish.admit(curve);
  }

  #shutOut(curve: string): void {
    this.#admissions.expelHost(curve);
    this.#publish.expel(curve);
  }
}
