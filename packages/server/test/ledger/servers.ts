import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostBook } from '../../src/fleet/hosts.ts';
import { Claims } from '../../src/ledger/books/claims.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { Settings } from '../../src/ledger/books/settings.ts';
import { copyOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { LogOfTest } from './log-of-test.ts';

export type ServerOfTest = { ledger: Ledger; claims: Claims; book: HostBook };

/** Servers on one ledger, each with its claims, at a time that the test sets. */
export class Servers implements Disposable {
  now = NOW;
  readonly log = new LogOfTest();
  readonly #shelf = new LedgerOfTest();
  readonly #folder = mkdtempSync(join(tmpdir(), 'banshare-servers-'));
  readonly #servers: ServerOfTest[] = [];

  /** With hosts of these names. */
  constructor(hosts: readonly string[] = []) {
    for (const name of hosts) this.#shelf.host(name);
  }

  async add(name: string): Promise<ServerOfTest> {
    const path = join(this.#folder, `${name}.db`);
    copyOf(this.#servers[0]?.ledger ?? this.#shelf.ledger, path);
    const ledger = new Ledger(path, () => 'epoch', this.log.server());
    if (this.#servers.length === 0) await ledger.write(() => new Settings(ledger).put('shared-since', '1'));
    const claims = new Claims(ledger, () => this.now, name);
    const server = { ledger, claims, book: new HostBook(ledger) };
    this.#servers.push(server);
    return server;
  }

  [Symbol.dispose](): void {
    for (const { ledger } of this.#servers) ledger.close();
    this.#shelf[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true });
  }
}
