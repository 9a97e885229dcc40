import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  parseAddress,
  parseHostName,
  parseJail,
  parseProg,
  type Address,
  type ReportedBan,
} from '@banshare/protocol';
import { HostBook } from '../src/fleet/hosts.ts';
import { Ledger } from '../src/ledger/ledger.ts';
import type { Submission } from '../src/words/submission.ts';
import type { Host, HostState } from '../src/words/hosts/host.ts';

/** A moment for tests that need no real one, epoch seconds. */
export const NOW = 1_795_257_600;
const WEEK = 7 * 86_400;

/** A ledger in a folder of its own, with hosts. */
export class LedgerOfTest implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'banshare-ledger-'));
  ledger = this.#open();
  book = new HostBook(this.ledger);
  #ids = 0;

  /** Opens the file again, as after a restart. */
  reopen(): this {
    this.ledger.close();
    this.ledger = this.#open();
    this.book = new HostBook(this.ledger);
    return this;
  }

  host(name: string, state: HostState = 'active', now = NOW): Host {
    const parsed = parseHostName(name);
    assert.ok(parsed.ok);
    this.#ids += 1;
    const key = this.#ids.toString(16).padStart(64, '0');
    const newcomer = { key, curve: `curve${this.#ids}`, name: parsed.value, addresses: [] };
    // By no piece of the queue, so that a test need not wait for it.
    const { id } = this.book.enrol(newcomer, state, now);
    // For long enough to be one of the fleet's own.
    if (state === 'active') this.ledger.sql('UPDATE hosts SET enrolled = ? WHERE id = ?').run(now - WEEK, id);
    this.book.reload();
    const host = this.book.byId(id);
    assert.ok(host);
    return host;
  }

  report(host: Host, ip: string, at = NOW, durationSeconds = 3600): Submission & { kind: 'report' } {
    this.#ids += 1;
    const id = this.#ids.toString(16).padStart(32, '0');
    return { host, id, at, received: at, kind: 'report', report: { ...banOf(ip), durationSeconds } };
  }

  unban(host: Host, ip: string, at = NOW): Submission {
    this.#ids += 1;
    const id = this.#ids.toString(16).padStart(32, '0');
    return { host, id, at, received: at, kind: 'unban', ban: banOf(ip) };
  }

  [Symbol.dispose](): void {
    this.ledger.close();
    rmSync(this.#folder, { recursive: true });
  }

  #open(): Ledger {
    return new Ledger(join(this.#folder, 'ledger.db'), () => 'epoch');
  }
}

export function addressOf(text: string): Address {
  const address = parseAddress(text);
  assert.ok(address.ok);
  return address.value;
}

function banOf(ip: string): ReportedBan {
  const prog = parseProg('psad');
  const jail = parseJail('scan');
  assert.ok(prog.ok && jail.ok);
  return { ip: addressOf(ip), prog: prog.value, jail: jail.value };
}

/** Lays a copy of a ledger at a path, at once. */
export function copyOf(ledger: Pick<Ledger, 'sql'>, path: string): void {
  ledger.sql('VACUUM INTO ?').all(path);
}

/** A ledger, with faults that nobody has to hear. */
export function quiet(ledger: Ledger): { ledger: Ledger; faults: { fault: () => void; over: () => void } } {
  return { ledger, faults: { fault: () => undefined, over: () => undefined } };
}
