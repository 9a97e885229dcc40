import { isOperators, OPERATOR_HOST, parseHostName, type HostName } from '@banshare/protocol';
import { curveKeyOf } from '@banshare/transport';
import type { Audit } from '../ledger/books/audit.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Books } from '../ledger/record.ts';
import type { Admissions } from '../ports/admissions.ts';
import type { Host } from '../words/hosts/host.ts';
import type { AdmittedHost, Admitting, LineFault } from '../words/hosts/admitting.ts';
import type { HostBook } from './hosts.ts';
import { freeName } from '../words/hosts/host-names.ts';
import { namesakeOf } from './namesake.ts';

/** A name and a key that can be read, with the same key for CURVE. */
type Line = { line: number; name: HostName; key: string; curve: string };

type AdmittingParts = {
  ledger: Ledger;
  book: HostBook;
  admissions: Pick<Admissions, 'isForJoining'>;
  audit: Audit;
  now: () => number;
  /** Resolves once both ports let a host in. */
  opened: (host: Host) => Promise<void>;
  /** Lets in a host that waits, as `hosts approve` does; `isFree` where who had the name it asks for has just given way. */
  approve: (
    books: Books,
    host: Host,
    how: { replace: boolean; isFree: boolean },
  ) => { says: string; called: string };
  /** Notes of a host that is in that an operator says yes to it. */
  trust: (host: Host) => void;
  /** Revokes a host, and returns what it is called from then on. */
  shutOut: (books: Books, host: Host) => HostName;
};

/**
 * Lets hosts in by keys that an operator fetched from them, over ssh say: no secret that whoever has it may pass on. All lines are
 * judged before any is taken, and taken in one piece of the ledger's queue.
 */
export class HostAdmitting {
  readonly #parts: AdmittingParts;

  constructor(parts: AdmittingParts) {
    this.#parts = parts;
  }

  /**
   * @param entries each a number of a line, a name and a key, of which nothing is known yet.
   * @throws when the ledger cannot be written.
   */
  async admitAll(
    entries: readonly unknown[],
    { replace, check }: { replace: boolean; check: boolean },
  ): Promise<Admitting> {
    const { lines, faults } = await readLines(entries);
    const refused = (): LineFault[] => [
      ...faults,
      ...lines.flatMap((line) => this.#faultOf(line, replace) ?? []),
    ];
    const first = refused();
    if (check || first.length > 0) return { hosts: [], faults: first };
    const { ledger, book, opened } = this.#parts;
    const done = await ledger.write((books): Admitting => {
      const found = refused();
      if (found.length > 0) return { hosts: [], faults: found };
      return { hosts: lines.map((line) => this.#take(books, line, replace)), faults: [] };
    });
    const came = done.hosts.flatMap(({ key }) => book.byKey(key) ?? []);
    await Promise.all(came.map(opened));
    return done;
  }

  #faultOf({ line, name, key, curve }: Line, replace: boolean): LineFault | undefined {
    const { book, admissions } = this.#parts;
    const because = (fault: string): LineFault => ({ line, fault, code: 'host' });
    if (isOperators(name)) return because(`no host may be called ${OPERATOR_HOST}`);
    const known = book.byKey(key);
    if (known !== undefined) return this.#faultOfKnown(known, name, replace, because);
    if (book.byCurve(curve) !== undefined || admissions.isForJoining(curve))
      return because(
        `the key of ${name} is in use already, in another form: make another there (banshare-client rotate)`,
      );
    const other = book.like(name);
    if (other?.state !== 'active' || replace) return undefined;
    return because(saysTaken(name, other));
  }

  #faultOfKnown(
    known: Host,
    name: HostName,
    replace: boolean,
    because: (fault: string) => LineFault,
  ): LineFault | undefined {
    const { book, now } = this.#parts;
    if (known.state === 'revoked')
      return because(
        `the key of ${known.name} was revoked: hosts forget ${known.name} takes that back; or move /etc/banshare/keys/host.key* away there, and admit the key that banshare-client key then makes`,
      );
    if (![known.name, known.wanted].some((own) => own.toLowerCase() === name.toLowerCase()))
      return because(`that key is ${known.name}'s, not ${name}'s`);
    const namesake = known.state === 'pending' ? namesakeOf(known, book, now()) : undefined;
    return namesake?.other.state !== 'active' || replace
      ? undefined
      : because(saysTaken(name, namesake.other));
  }

  #take(books: Books, { line, name, key, curve }: Line, replace: boolean): AdmittedHost {
    const { book, audit, now } = this.#parts;
    const known = book.byKey(key);
    if (known !== undefined) {
      if (known.state === 'pending') {
        const before = book.like(known.wanted);
        const way = before === known ? '' : this.#makeWay(before);
        const { says, called } = this.#parts.approve(books, known, { replace, isFree: way !== '' });
        return { line, name: called, key, outcome: 'approved', says: says + way };
      }
      this.#parts.trust(known);
      return { line, name: known.name, key, outcome: 'already', says: `${known.name} is admitted already.` };
    }
    const other = book.like(name);
    const way = this.#makeWay(other);
    const old = other === undefined || way !== '' ? undefined : this.#parts.shutOut(books, other);
    book.admit({ key, curve, name }, now());
    audit.note('admitted', { name, key, replaced: old === undefined ? null : (other?.key ?? null) }, now());
    const replaced = old === undefined ? way : ` The host that had the name is revoked, and called ${old}.`;
    return { line, name, key, outcome: 'admitted', says: `${name} is admitted.${replaced}` };
  }

  /**
   * A host that waits has only asked for its name: one whose key an operator fetched has it, and the other waits on under another. Else
   * whoever has the join key could keep every host of the fleet from being admitted. Says so; nothing where nobody waits.
   */
  #makeWay(other: Host | undefined): string {
    if (other?.state !== 'pending') return '';
    const { book, audit, now } = this.#parts;
    const name = freeName(other.name, other.key, (text) => book.like(text) !== undefined);
    book.change(other, { name });
    audit.note('gave way', { name, wanted: other.wanted, key: other.key }, now());
    return saysGaveWay(other.name, name);
  }
}

/** That a host which waits lost a name that it only asked for, in words. */
function saysGaveWay(before: string, name: string): string {
  return ` Who waits and asked for ${before} too, with another key, is called ${name} now.`;
}

function saysTaken(name: string, other: Host): string {
  return `${other.name} is another host, with another key: --replace hands the name over and REVOKES that one; hosts forget ${other.name} removes it; or set another name than ${name} in that host's client.toml`;
}

/** Reads what can be read, and says of the rest why not: also of two lines that do not fit together. */
async function readLines(entries: readonly unknown[]): Promise<{ lines: Line[]; faults: LineFault[] }> {
  const lines: Line[] = [];
  const faults: LineFault[] = [];
  const [byName, byKey] = [new Map<string, Line>(), new Map<string, Line>()];
  for (const entry of entries) {
    const read = await readLine(entry);
    if ('fault' in read) {
      faults.push(read);
      continue;
    }
    const [sameName, sameKey] = [byName.get(read.name.toLowerCase()), byKey.get(read.key)];
    // Said twice.
    if (sameName !== undefined && sameName === sameKey) continue;
    const other = sameName ?? sameKey;
    if (other !== undefined) {
      const what = sameName === undefined ? `key, for ${other.name}` : `name, with another key`;
      faults.push({ line: read.line, fault: `line ${other.line} has the same ${what}`, code: 'line' });
      continue;
    }
    byName.set(read.name.toLowerCase(), read);
    byKey.set(read.key, read);
    lines.push(read);
  }
  return { lines, faults };
}

async function readLine(entry: unknown): Promise<Line | LineFault> {
  const [number, nameText, key] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const line = typeof number === 'number' ? number : 0;
  if (typeof nameText !== 'string' || typeof key !== 'string')
    return { line, fault: 'a line takes NAME KEY', code: 'line' };
  const name = parseHostName(nameText);
  if (!name.ok) return { line, fault: name.fault, code: 'line' };
  const curve = /^[0-9a-f]{64}$/.test(key) ? await curveKeyOf(key) : undefined;
  if (curve === undefined)
    return {
      line,
      fault: `the key of ${name.value} is none of a host: 64 hex digits, as banshare-client key prints them`,
      code: 'line',
    };
  return { line, name: name.value, key, curve };
}
