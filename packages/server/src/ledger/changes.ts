import type { Event } from '@banshare/protocol';
import type { Database } from './database.ts';

/** What a commit changed of what a server also holds in memory, and the events that came with it. */
export type Changes = {
  /** Anything may have changed: the file was opened again. */
  isAll: boolean;
  /** Another server made it. */
  isForeign: boolean;
  events: readonly Event[];
  /** Hosts that came or went, or whose keys, names, state or muting changed, by their ids. */
  hosts: ReadonlySet<number>;
  /** Hosts of which only was written what they told of themselves. */
  told: ReadonlySet<number>;
  /** Hosts whose addresses changed. */
  addresses: ReadonlySet<number>;
  neverBan: boolean;
  tokens: boolean;
  /** Names of settings that are held in memory. */
  settings: ReadonlySet<string>;
};

/** Whoever holds in memory what the ledger has. */
export type Follower = {
  /** The pieces of a commit are judged now, perhaps again: what was reckoned while they were last is void. */
  begins?: () => void;
  /** Called behind each commit, before anybody is told of it. @throws when the ledger cannot be read. */
  applied: (changes: Changes) => void;
};

/**
 * Triggers of this connection alone, which are in no file: they fire for what this server writes and for what it applies of
 * others. What hosts tell every minute is told apart, since no deed depends on it.
 */
const TRIGGERS = `
  CREATE TEMP TRIGGER host_came AFTER INSERT ON main.hosts BEGIN SELECT touched('hosts', new.id); END;
  CREATE TEMP TRIGGER host_left AFTER DELETE ON main.hosts BEGIN SELECT touched('hosts', old.id); END;
  CREATE TEMP TRIGGER host_changed AFTER UPDATE OF id, key, curve, next_key, next_curve, rotation_at, name, wanted,
    state, enrolled, approved, muted_until, mute_note ON main.hosts BEGIN SELECT touched('hosts', new.id); END;
  CREATE TEMP TRIGGER host_told AFTER UPDATE OF last_seen, epoch, applied, version, generation, clock_ahead, ranges, addresses,
    receipt, out_since, ahead, lacking, spool ON main.hosts BEGIN SELECT touched('told', new.id); END;
  CREATE TEMP TRIGGER seen_put AFTER INSERT ON main.seen_at BEGIN SELECT touched('addresses', new.host); END;
  CREATE TEMP TRIGGER seen_moved AFTER UPDATE ON main.seen_at BEGIN SELECT touched('addresses', new.host); END;
  CREATE TEMP TRIGGER seen_gone AFTER DELETE ON main.seen_at BEGIN SELECT touched('addresses', old.host); END;
  CREATE TEMP TRIGGER approved_put AFTER INSERT ON main.approved_at BEGIN SELECT touched('addresses', new.host); END;
  CREATE TEMP TRIGGER approved_moved AFTER UPDATE ON main.approved_at BEGIN SELECT touched('addresses', new.host); END;
  CREATE TEMP TRIGGER approved_gone AFTER DELETE ON main.approved_at BEGIN SELECT touched('addresses', old.host); END;
  CREATE TEMP TRIGGER range_put AFTER INSERT ON main.never_ban BEGIN SELECT touched('never-ban', new.range); END;
  CREATE TEMP TRIGGER range_gone AFTER DELETE ON main.never_ban BEGIN SELECT touched('never-ban', old.range); END;
  CREATE TEMP TRIGGER token_put AFTER INSERT ON main.tokens BEGIN SELECT touched('tokens', new.id); END;
  CREATE TEMP TRIGGER token_changed AFTER UPDATE ON main.tokens BEGIN SELECT touched('tokens', new.id); END;
  CREATE TEMP TRIGGER token_gone AFTER DELETE ON main.tokens BEGIN SELECT touched('tokens', old.id); END;
  CREATE TEMP TRIGGER set_put AFTER INSERT ON main.meta WHEN ${isHeld('new')} BEGIN SELECT touched('settings', new.name); END;
  CREATE TEMP TRIGGER set_moved AFTER UPDATE ON main.meta WHEN ${isHeld('new')} BEGIN SELECT touched('settings', new.name); END;
  CREATE TEMP TRIGGER set_gone AFTER DELETE ON main.meta WHEN ${isHeld('old')} BEGIN SELECT touched('settings', old.name); END;
`;

/** The settings that are held in memory: a new one that is gets its line here. */
function isHeld(row: string): string {
  return `${row}.name IN ('frozen', 'enrolment', 'enrolment-until') OR ${row}.name LIKE 'first-start/%'
    OR ${row}.name LIKE 'retired/%'`;
}

/** Collects what a transaction touches, by triggers: node:sqlite cannot read a changeset. */
export class Touched {
  readonly #ids = { hosts: new Set<number>(), told: new Set<number>(), addresses: new Set<number>() };
  readonly #settings = new Set<string>();
  #neverBan = false;
  #tokens = false;

  constructor(database: Database) {
    database.function('touched', (what, which) => {
      this.#note(String(what), which as number | string);
      return null;
    });
    database.exec(TRIGGERS);
  }

  /** Whether something was touched that a deed may depend on, and that is in memory as it was before. */
  get isMemoryBehind(): boolean {
    const { hosts, addresses } = this.#ids;
    return hosts.size > 0 || addresses.size > 0 || this.#settings.size > 0 || this.#neverBan || this.#tokens;
  }

  /** What was touched since it was last taken or cleared. */
  take(): Pick<Changes, 'hosts' | 'told' | 'addresses' | 'neverBan' | 'tokens' | 'settings'> {
    const { hosts, told, addresses } = this.#ids;
    const taken = {
      hosts: new Set(hosts),
      told: new Set(told),
      addresses: new Set(addresses),
      neverBan: this.#neverBan,
      tokens: this.#tokens,
      settings: new Set(this.#settings),
    };
    this.clear();
    return taken;
  }

  /** A transaction is taken back. */
  clear(): void {
    for (const ids of Object.values(this.#ids)) ids.clear();
    this.#settings.clear();
    this.#neverBan = false;
    this.#tokens = false;
  }

  #note(what: string, which: number | string): void {
    if (what === 'never-ban') this.#neverBan = true;
    else if (what === 'tokens') this.#tokens = true;
    else if (what === 'settings') this.#settings.add(String(which));
    else this.#ids[what as 'hosts' | 'told' | 'addresses'].add(Number(which));
  }
}
