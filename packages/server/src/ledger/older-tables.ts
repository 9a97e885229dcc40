import { LogFault, newerEntry, type Entry, type LogPosition } from '../log/log.ts';
import { openFile, type Database } from './database.ts';
import { keepBefore, SCHEMA, stepTo, versionOf } from './schema.ts';
import type { Row } from './tables/rows.ts';

/**
 * A replica whose tables are of an older version than this program's. What servers of that version appended is applied to the tables as they
 * were for them, and a step is taken where the log has it: so every replica has the same rows, whichever program it was kept by.
 */
export class OlderTables implements Disposable {
  readonly #path: string;
  readonly #database: Database;

  /** @throws when the file cannot be used */
  constructor(path: string) {
    this.#path = path;
    this.#database = openFile(path);
  }

  get version(): number {
    return versionOf(this.#database);
  }

  get applied(): LogPosition {
    return appliedOf(this.#database);
  }

  /** Applies the next entry, behind the steps that it is made for, all of it or nothing. @throws LogFault `newer` or `conflict`, or what the file fails with */
  take(entry: Entry): void {
    const { n, token, schema, kind, data } = entry;
    if (schema > SCHEMA) throw newerEntry(entry, SCHEMA);
    const { version } = this;
    if (schema > version) keepBefore(this.#database, `${this.#path}.before-${schema}`);
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      stepTo(this.#database, schema);
      if (kind !== 'schema' && !this.#database.applyChangeset(data))
        throw new LogFault(
          'conflict',
          `Cannot apply entry ${n} of the log: this server's ledger is not what the others have`,
          { n },
        );
      this.#database.prepare('UPDATE applied SET n = ?, token = ?').run(n, token);
      this.#database.exec('COMMIT');
    } finally {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function appliedOf(database: Database): LogPosition {
  const row = database.prepare('SELECT n, token FROM applied').get() as Row;
  return { n: Number(row['n']), token: String(row['token']) };
}
