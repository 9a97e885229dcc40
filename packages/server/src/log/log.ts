/** What keeps an entry when the database's machine dies: a synchronous standby, the provider below PostgreSQL, or nothing. */
export type Durability = 'standby' | 'provider' | 'none';

/*
 * One log that several servers share. Every server has a replica of the ledger, made of the same entries in the same order, and judges
 * on it; whoever appends entry n has applied entry n - 1, so that nobody can judge on a state that is not the last one.
 *
 * An entry's token is the MAC over all that it holds and over the token before it, so one value names the entry, is compared when the
 * next one is appended, and proves that a server of this fleet made the whole row of entries up to it.
 */

/** Where a replica stands: the entry that it applied last. */
export type LogPosition = { readonly n: number; readonly token: string };

/** Before the first entry. */
export const LOG_START: LogPosition = { n: 0, token: '' };

/** What an entry's data is: of SQLite's sessions a changeset or a patchset, or none, since a step of the schema is in the program. */
export type EntryKind = 'changeset' | 'patchset' | 'schema';

/** What a server appends; schema is the version of the ledger's tables that it is written for, or, of a step, leads to. */
export type Draft = { readonly schema: number; readonly kind: EntryKind; readonly data: Uint8Array };

/** What a replica applies; `at` is when it was appended by the database's clock, which nothing proves, epoch seconds. */
export type Entry = Draft & LogPosition & { readonly at: number };

/**
 * What became of an entry. ours: it is the next one, stored as the durability asks, and may be answered and applied. taken: another is
 * there; read it, apply it, judge again. forked: the log lacks what this replica has, `aheadBy` entries at least: a person is needed.
 */
export type Appended =
  | { readonly outcome: 'ours'; readonly position: LogPosition }
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'forked'; readonly aheadBy: number };

/**
 * Why the log did not do what it was asked for.
 * away: nothing was stored. unknown: it may be stored, now or later; whoever is told to come again, judges again on what is read then, and
 * finds it done or not. no-standby: nothing was stored, since the database keeps no second copy. refused: the database lets this server not.
 * forked: the log lacks what this replica has. conflict: this replica's tables are not what an entry was made for. pruned: what follows this
 * replica's position is no longer kept. What a server does then says way-on.ts. forged: entry `n` was not made by a server of this fleet, was changed or stands where another belongs. newer: it is of a kind that
 * only a newer program knows.
 */
export type LogFaultCode =
  'away' | 'unknown' | 'no-standby' | 'refused' | 'forked' | 'conflict' | 'pruned' | 'forged' | 'newer';

/** What went wrong, in a sentence that says what to do; branch on the code. */
export class LogFault extends Error {
  readonly code: LogFaultCode;
  /** The entry that it is about, where there is one. */
  readonly n: number | undefined;
  /** Of `forked`: how many entries this replica has that the log lacks, at least. */
  readonly aheadBy: number | undefined;

  constructor(
    code: LogFaultCode,
    message: string,
    more: { n?: number; aheadBy?: number; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.code = code;
    this.n = more.n;
    this.aheadBy = more.aheadBy;
  }
}

/** How the log is, for `status` and for whoever has to be told RETRY. */
export type LogHealth = {
  /** The database at which it writes, as host:port; undefined while none is found. */
  readonly at: string | undefined;
  /** Why it cannot be written now; undefined while it can, as far as is known. */
  readonly fault: LogFault | undefined;
  /** Since when it cannot, monotonic seconds. */
  readonly since: number | undefined;
  readonly durability: Durability;
  /** The number of the last entry that was seen there. */
  readonly last: number;
  /** The entry that the newest snapshot stands for, and how old that is, seconds; 0 where there is none. */
  readonly snapshot: { readonly n: number; readonly ageSeconds: number };
};

/** What a snapshot stands for: the ledger's file with all entries up to this one, in this version of its tables. */
export type SnapshotHead = LogPosition & { readonly schema: number };

/** Entries that are read together have so many bytes, as they lie in the log, and one entry more: each is what a whole batch changed. */
export const MOST_READ_BYTES = 4 * 1024 * 1024;

/** The shared log as a server uses it. */
export interface Log {
  /** Appends the entry after a position. @throws LogFault */
  append(draft: Draft, after: LogPosition): Promise<Appended>;
  /** The entries after a position in order, proven, at most so many, and fewer where they are large; none where the position is the last. @throws LogFault */
  after(position: LogPosition, limit: number): Promise<Entry[]>;
  /** Calls a listener when there may be entries that were not read, and when the health has changed. */
  onNews(listen: () => void): void;
  /** Calls a listener when another server wanted to append an entry, and the one that this server has appended was first. */
  onWanted(listen: () => void): void;
  /**
   * Puts a copy of the ledger's file there, which was made as of one entry, and prunes what only older ones needed. Returns whether it did:
   * another server may be doing so. @throws LogFault, and where the file cannot be read
   */
  putSnapshot(head: SnapshotHead, path: string): Promise<boolean>;
  /** Lays the newest snapshot at a path where nothing is yet; undefined where there is none. @throws LogFault, and where it cannot be written */
  getSnapshot(path: string): Promise<SnapshotHead | undefined>;
  health(): LogHealth;
  /** Makes a commit that stores nothing, which no other server notices. @throws LogFault, why an entry could not be appended now */
  tryWriting(): Promise<void>;
  /** The database's clock now, epoch seconds; undefined until it was read once. */
  time(): number | undefined;
  close(): Promise<void>;
}

/** A server whose time is so many seconds from the database's has a clock that is wrong, or the database has. */
export const MOST_AHEAD = 60;

/** By how many seconds a time is ahead of the database's; undefined while that is not known. */
export function aheadOf(log: Pick<Log, 'time'> | undefined, now: number): number | undefined {
  const there = log?.time();
  return there === undefined ? undefined : now - there;
}

/** What a replica stops with at an entry that was made for newer tables than its program knows. */
export function newerEntry({ n, schema }: Pick<Entry, 'n' | 'schema'>, known: number): LogFault {
  return new LogFault(
    'newer',
    `Cannot take entry ${n} of the log: a newer banshare-server made it, for tables of version ${schema}, and this one knows them up to ${known}; install the banshare-server of the other servers here too`,
    { n },
  );
}

/** What a replica stops with whose last entry the log lacks; it is ahead by so many, at least. */
export function lacking(n: number, aheadBy: number): LogFault {
  return new LogFault(
    'forked',
    `The log has not entry ${n} of this server, which is ahead of it by ${aheadBy} at least; stop all servers, and where that is most: banshare-server restore --from-replica`,
    { n, aheadBy },
  );
}
