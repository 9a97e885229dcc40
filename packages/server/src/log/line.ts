import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Client, ClientConfig } from 'pg';
import { asOwner, readPrivate } from '@banshare/runtime';
import { LogFault } from './log.ts';
import type { DatabaseHost, DatabaseLocation } from './database-url.ts';
import { CHANNEL, WHO_ARE_YOU, type Statement } from './statements.ts';

/** How the database is reached; the password is read anew for each connection, so that it can be changed without a restart. */
export type DatabaseAccess = {
  readonly location: DatabaseLocation;
  readonly passwordFile: string | undefined;
};

/** A database that says nothing for so long is given up: `pg` itself would wait without end. */
const SILENCE_MS = 3000;
/** A machine that does not let itself be connected to. */
const CONNECT_MS = 2000;
/** The next machine of the list is tried so much later, beside the ones before. */
const STAGGER_MS = 250;
/** The changeset functions and the statistics that this program reads are of this version. */
const OLDEST_VERSION = 150_000;

type Row = Readonly<Record<string, unknown>>;

/** The pieces of `pg` that its types do not name. */
type Inside = {
  processID: number | null;
  connection: {
    stream: { destroy(error?: Error): void; bytesRead: number };
    on(event: string, listen: () => void): void;
  };
};

/** One connection to a database that can be written. Its statements are sent at once and answered in order. */
export class Line {
  readonly at: DatabaseHost;
  readonly #client: Client;
  /** How many warnings there were: one of the wait for the standby tells of a commit that was not replicated. */
  warnings = 0;
  #fault: Error | undefined;
  /** Ends what is asked and not answered: pg itself may forget what is asked in the moment of its connection's end. */
  readonly #asked = new Set<(fault: Error) => void>();
  #closed: (fault: Error) => void = () => undefined;

  private constructor(client: Client, at: DatabaseHost) {
    this.#client = client;
    this.at = at;
    client.on('error', (error) => this.#end(error));
    client.on('end', () => this.#end(new Error('the database closed the connection')));
    client.on('notice', ({ code }) => {
      if (code === '01000') this.warnings += 1;
    });
  }

  /** @throws what keeps it from being connected to; nothing in it is secret. */
  static async open(access: DatabaseAccess, at: DatabaseHost): Promise<Line> {
    const { default: pg } = await import('pg');
    // Statements are sent without waiting for the answers to those before; the types do not know it yet.
    const config: ClientConfig & { pipeline: true } = {
      host: at.host,
      port: at.port,
      user: access.location.user,
      database: access.location.database,
      ssl: tlsOf(access.location, at.host),
      password: () => passwordOf(access),
      application_name: 'banshare',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_MS,
      pipeline: true,
    };
    const client = new pg.Client(config);
    const { connection } = client as unknown as Inside;
    if (!isProven(access.location)) {
      // Whoever stands in between could ask for the password itself, and needs it no more to be told it.
      connection.on('authenticationCleartextPassword', () =>
        connection.stream.destroy(
          new Error('it asks for the password in the clear; use sslmode=verify-full, or scram-sha-256 there'),
        ),
      );
    }
    const line = new Line(client, at);
    try {
      await client.connect();
      const [answer] = await line.ask(WHO_ARE_YOU);
      if (Number(answer?.['version']) < OLDEST_VERSION) {
        throw new LogFault(
          'refused',
          `Cannot keep the log at ${nameOf(at)}: it needs PostgreSQL 15 or later`,
        );
      }
      if (answer?.['standby'] === true) throw new StandbyFault(at);
      return line;
    } catch (error) {
      line.close();
      throw error;
    }
  }

  /** The rows of a statement. @throws DatabaseError of `pg`, or where the connection ended or was silent for too long. */
  async ask(statement: Statement, values: readonly unknown[] = []): Promise<readonly Row[]> {
    if (this.#fault !== undefined) throw this.#fault;
    const { stream } = (this.#client as unknown as Inside).connection;
    const answer = this.#client.query<Row>({ ...statement, values: [...values] });
    // It may fail after this has ended by the connection's fault.
    answer.catch(() => undefined);
    const { promise: ended, reject } = Promise.withResolvers<never>();
    this.#asked.add(reject);
    let heard = stream.bytesRead;
    const watch = setInterval(() => {
      if (stream.bytesRead !== heard) heard = stream.bytesRead;
      else this.#end(new Error(`it said nothing for ${SILENCE_MS / 1000} s`));
    }, SILENCE_MS);
    try {
      return (await Promise.race([answer, ended])).rows;
    } catch (error) {
      throw this.#fault ?? error;
    } finally {
      clearInterval(watch);
      this.#asked.delete(reject);
    }
  }

  /** Runs statements that nobody prepares. */
  async run(text: string): Promise<void> {
    await this.ask({ text } as Statement);
  }

  /** Calls back with each word of the channel that another connection said. */
  async listen(hear: (word: string) => void): Promise<void> {
    const own = (this.#client as unknown as Inside).processID;
    this.#client.on('notification', ({ processId, payload }) => {
      if (processId !== own) hear(payload ?? '');
    });
    await this.run(`LISTEN ${CHANNEL}`);
  }

  /** Calls back once, when the connection is of no use any more. */
  onClosed(listen: (fault: Error) => void): void {
    this.#closed = listen;
    if (this.#fault !== undefined) listen(this.#fault);
  }

  /** Ends it at once, whatever is under way. */
  close(why = new Error('it was closed')): void {
    this.#end(why);
  }

  #end(fault: Error): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    // Not end(): a frozen database would be waited for.
    (this.#client as unknown as Inside).connection.stream.destroy();
    for (const reject of this.#asked) reject(fault);
    this.#closed(fault);
  }
}

/** A machine of the list that only follows another. */
class StandbyFault extends Error {
  constructor(at: DatabaseHost) {
    super(`${nameOf(at)} is a standby`);
  }
}

/**
 * Connects to the machine of the list that can be written, whichever it is now; they are tried in turn from one of them on, each a
 * little later than the one before, and the first that can be written is taken. @throws LogFault `away`, or `refused` where one of them says why.
 */
export async function findPrimary(access: DatabaseAccess, first: number): Promise<Line> {
  const { hosts } = access.location;
  const won = new AbortController();
  const faults: string[] = [];
  let isRefused = false;
  const attempts = hosts.map(async (_, index) => {
    const at = hosts[(first + index) % hosts.length] ?? hosts[0];
    if (at === undefined) throw new Error('unreachable: there is a host');
    if (index > 0) await pause(index * STAGGER_MS, undefined, { signal: won.signal });
    try {
      const line = await Line.open(access, at);
      if (!won.signal.aborted) return line;
      line.close();
    } catch (error) {
      isRefused ||= isRefusal(error);
      faults.push(`${nameOf(at)}: ${(error as Error).message}${wayOut(error)}`);
    }
    throw new Error('not this one');
  });
  try {
    return await Promise.any(attempts);
  } catch {
    throw new LogFault(
      isRefused ? 'refused' : 'away',
      `Cannot reach a database that can be written: ${faults.join('; ')}`,
    );
  } finally {
    won.abort();
  }
}

/** A database that answers, and does not let this server do it: waiting helps as little as another machine of the list. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof LogFault) return error.code === 'refused';
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^(?:28|3D|42|0A)[0-9A-Z]{3}$/.test(code);
}

/** What an administrator does about a refusal, by its SQLSTATE. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  '28P01': 'is it the password in its file that this user has there?',
  '28000':
    'CREATE ROLE there, and pg_hba.conf, say who may come from where; another user: postgres://USER@HOST/DATABASE',
  '3D000': 'make it there: CREATE DATABASE NAME OWNER USER',
  '42501':
    "the database has to be this user's, and so have the tables log, snapshots and parts, which another may have made: CREATE DATABASE NAME OWNER USER, ALTER TABLE NAME OWNER TO USER",
};

/** What there is to do about an error of the database, to be put behind it; empty where that is not known. */
export function wayOut(error: unknown): string {
  const { code } = error as { code?: unknown };
  const way = typeof code === 'string' ? WAYS_OUT[code] : undefined;
  return way === undefined ? '' : ` (${way})`;
}

export function nameOf({ host, port }: DatabaseHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether whoever answers has to prove by a certificate that he is the one that was meant, or is on this machine. */
function isProven({ sslMode, hosts }: DatabaseLocation): boolean {
  return (
    sslMode === 'verify-full' ||
    sslMode === 'verify-ca' ||
    hosts.every(({ host }) => isIP(host) !== 0 && /^127\.|^::1$/.test(host))
  );
}

function tlsOf({ sslMode, rootCertificate }: DatabaseLocation, host: string): false | ConnectionOptions {
  if (sslMode === 'disable') return false;
  if (sslMode === 'require') return { rejectUnauthorized: false };
  const ca = rootCertificate === undefined ? {} : { ca: inItsFolder(rootCertificate, readFileSync) };
  const anyName = sslMode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {};
  return { rejectUnauthorized: true, host, ...ca, ...anyName };
}

function passwordOf({ passwordFile }: DatabaseAccess): string {
  if (passwordFile === undefined)
    throw new LogFault(
      'refused',
      "it asks for a password: write it into a file of mode 0600, the server's user's, and name that by password-file of [ledger] in server.toml, or --password-file of ledger move",
    );
  const read = inItsFolder(passwordFile, readPrivate);
  if (!read.ok) throw new LogFault('refused', read.fault);
  return read.value.toString('utf8').replace(/\r?\n$/, '');
}

/** Root, as with --check, reads with the rights of whose the folder is: the server's user may have laid a link there to what is root's. */
function inItsFolder<T>(path: string, read: (path: string) => T): T {
  return asOwner(dirname(path), () => read(path));
}
