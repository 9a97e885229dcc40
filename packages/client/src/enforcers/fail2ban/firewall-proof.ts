import { randomInt } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { parseAddress } from '@banshare/protocol';
import type { Notes } from '../../host/echo-notes.ts';
import {
  actionsOf,
  areBanned,
  change,
  logTargetOf,
  succeeds,
  tellingOf,
  wordsOfAction,
} from '../../fail2ban/requests.ts';
import type { Talk } from '../../fail2ban/connection.ts';
import type { Effect } from '../../bans/change.ts';

/** How fail2ban is asked what a proof needs: over its socket, or by its client. What it throws is a fault of asking. */
export type Asking = {
  /** The actions of a jail that can run a command. */
  actions: (jail: string) => Promise<string[]>;
  /** Whether a shell command succeeds, run by an action of a jail with fail2ban's own rights, in its own view of the network. */
  succeeds: (jail: string, action: string, command: string, timeoutSeconds: number) => Promise<boolean>;
  /** Whether an address is banned in a jail, as fail2ban believes. */
  isBanned: (jail: string, ip: string) => Promise<boolean>;
  change: (jail: string, verb: 'banip' | 'unbanip', ip: string) => Promise<void>;
  /** Where fail2ban writes its log: a path, or the name of another target. */
  logTarget: () => Promise<string>;
};

/** nowMs is of a clock that does not jump; start: which start of fail2ban this is. */
export type ProofParts = { notes: Notes; nowMs: () => number; start: () => string };

/** What a firewall of this host tells: each program lists what it has, and those that are not there are passed over. */
const LISTINGS = [
  'nft list ruleset',
  'ipset save',
  'iptables-save',
  'ip6tables-save',
  'ip route',
  'ip -6 route',
];
const LOOK_SECONDS = 20;
/** What could not be seen is looked for again. */
const AGAIN_MS = 60_000;
/** What fail2ban writes during one batch. */
const MOST_LOG_BYTES = 1024 * 1024;
const FAILED = /Failed to execute ban jail '([^']+)' action '([^']+)' .*?'ip': '?([0-9a-fA-F:.]+)/g;

/** A position in fail2ban's log; without a file it is ''. */
export type Mark = { log: string; from: number };

/** reason: why bans there cannot be seen, or ''; isFault: fail2ban itself says that an action failed. */
type Verdict = { reason: string; at: number; isFault?: boolean };

/**
 * Looks for bans in the firewall: fail2ban says that it banned also where its action failed, and then the kernel has nothing. The
 * client itself may not look, since it has no right to change the firewall either; fail2ban looks for it.
 */
export class FirewallProof {
  readonly #parts: ProofParts;
  readonly #verdicts = new Map<string, Verdict>();
  #start = '';
  #logPath = '';

  constructor(parts: ProofParts) {
    this.#parts = parts;
  }

  /** Where fail2ban's log ends: what it fails to execute from now on stands behind. */
  async begin(asking: Asking): Promise<Mark> {
    const start = this.#parts.start();
    if (start !== this.#start) {
      this.#verdicts.clear();
      this.#start = start;
      // A log that nobody names is not read; whether fail2ban answers at all the ban itself shows.
      const path = await asking.logTarget().catch(() => '');
      this.#logPath = path.startsWith('/') ? path : '';
    }
    return { log: this.#logPath, from: this.#logPath === '' ? 0 : sizeOf(this.#logPath) };
  }

  /**
   * Why bans that fail2ban just took cannot be seen in the firewall, of those that cannot. The first of a jail and family is
   * looked for, and each whose action failed by fail2ban's own log.
   */
  async unseen(
    asking: Asking,
    mark: Mark,
    jail: string,
    ips: readonly string[],
  ): Promise<Map<string, string>> {
    const failed = failedSince(mark, jail);
    const reasons = new Map<string, string>();
    for (const ip of ips) {
      const action = failed.get(ip);
      const verdict = await this.#verdictOf(asking, jail, ip, action);
      if (verdict !== '') reasons.set(ip, action === undefined ? verdict : failure(action));
      else if (action !== undefined && !(await this.#isSeen(asking, jail, ip)))
        reasons.set(ip, failure(action));
    }
    return reasons;
  }

  /** Whether one address is in the firewall now, whatever is known of its jail. */
  async isSeen(asking: Asking, jail: string, ip: string): Promise<boolean> {
    const isSeen = await this.#isSeen(asking, jail, ip);
    if (isSeen) this.#verdicts.set(keyOf(jail, ip), { reason: '', at: this.#parts.nowMs() });
    return isSeen;
  }

  /** The jails of which fail2ban itself says that an action failed, with the reason. */
  failing(): Map<string, string> {
    const faults = [...this.#verdicts].filter(([, { isFault }]) => isFault === true);
    return new Map(faults.map(([key, { reason }]) => [key.split(' ', 1)[0] ?? '', reason]));
  }

  /** The rules of a jail were made anew: what was seen before counts no more. */
  forget(jail: string): void {
    for (const key of this.#verdicts.keys()) if (key.startsWith(`${jail} `)) this.#verdicts.delete(key);
  }

  /**
   * Proves a jail that has no actions but those of the firewall, by a ban of a documentation address that is there for a moment.
   * @returns why its bans cannot be seen, or ''.
   */
  async prove(asking: Asking, jail: string): Promise<string> {
    const key = keyOf(jail, '192.0.2.1');
    const known = this.#fresh(key);
    if (known !== undefined) return known.reason;
    const reason = await this.#tryOut(asking, jail);
    this.#verdicts.set(key, { reason, at: this.#parts.nowMs() });
    return reason;
  }

  async #tryOut(asking: Asking, jail: string): Promise<string> {
    const [action] = await asking.actions(jail);
    if (action === undefined) return `the jail ${jail} has no action of the firewall`;
    const ip = `192.0.2.${randomInt(1, 255)}`;
    if (await asking.isBanned(jail, ip)) return this.#lookFor(asking, jail, ip);
    const looks = (isThere: boolean): Promise<boolean> =>
      asking.succeeds(jail, action, lookCommand(ip, isThere), LOOK_SECONDS);
    if (!(await looks(false)))
      return `${ip} was in the firewall before fail2ban banned it, or that could not be looked at`;
    // No evidence for recidive, and no report of a log's follower.
    this.#parts.notes.write(jail, ip);
    const mark = await this.begin(asking);
    let isThere: boolean;
    try {
      await asking.change(jail, 'banip', ip);
      isThere = await looks(true);
    } finally {
      await asking.change(jail, 'unbanip', ip);
    }
    const failing = failedSince(mark, jail).get(ip);
    if (!isThere) return failing === undefined ? NOT_THERE : failure(failing);
    return (await looks(false)) ? '' : `${ip} was still in the firewall after fail2ban had lifted it`;
  }

  async #verdictOf(asking: Asking, jail: string, ip: string, failing: string | undefined): Promise<string> {
    const key = keyOf(jail, ip);
    const known = this.#fresh(key);
    if (known !== undefined) return known.reason;
    const seen = await this.#lookFor(asking, jail, ip);
    const isFault = seen !== '' && failing !== undefined;
    const reason = isFault ? failure(failing) : seen;
    this.#verdicts.set(key, { reason, at: this.#parts.nowMs(), isFault });
    return reason;
  }

  #fresh(key: string): Verdict | undefined {
    const known = this.#verdicts.get(key);
    if (known === undefined || known.reason === '') return known;
    return this.#parts.nowMs() - known.at < AGAIN_MS ? known : undefined;
  }

  async #lookFor(asking: Asking, jail: string, ip: string): Promise<string> {
    const [action] = await asking.actions(jail);
    if (action === undefined) return `the jail ${jail} has no action of the firewall`;
    return (await asking.succeeds(jail, action, lookCommand(ip, true), LOOK_SECONDS)) ? '' : NOT_THERE;
  }

  async #isSeen(asking: Asking, jail: string, ip: string): Promise<boolean> {
    return (await this.#lookFor(asking, jail, ip)) === '';
  }
}

const NOT_THERE = "it is not in this host's firewall, as far as nft, ipset, iptables and ip can show it";

function failure(action: string): string {
  return `fail2ban could not execute its action ${action}, see its log`;
}

/** IPv4 and IPv6 go by other programs and sets. */
function keyOf(jail: string, ip: string): string {
  return `${jail} ${ip.includes(':') ? 6 : 4}`;
}

/**
 * What looks for an address in all that a firewall can show, and succeeds where it is there, or where it is not: fail2ban's log
 * names what does not succeed, and so that shall be what is wrong. @throws at anything but a plain address, since a shell reads it.
 */
export function lookCommand(ip: string, isThere: boolean): string {
  const address = parseAddress(ip);
  if (!address.ok || !/^[0-9a-f:.]+$/.test(address.value)) throw new Error(`Cannot look for "${ip}"`);
  const pattern = `(^|[^0-9a-f:.])${address.value.replaceAll('.', '[.]')}([^0-9a-f:.]|$)`;
  const [found, missing] = isThere ? [0, 1] : [1, 0];
  return `for list in ${LISTINGS.map((words) => `'${words}'`).join(' ')}; do $list 2>/dev/null | grep -qE '${pattern}' && exit ${found}; done; exit ${missing}`;
}

/** By address the action that failed in a jail, behind a position in fail2ban's log. */
function failedSince({ log, from }: Mark, jail: string): Map<string, string> {
  const failed = new Map<string, string>();
  if (log === '') return failed;
  for (const [, of, action = '', ip = ''] of readFrom(log, from).matchAll(FAILED))
    if (of === jail) failed.set(ip, action);
  return failed;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** What was written behind a position, or from the beginning where the file is a new one. */
function readFrom(path: string, from: number): string {
  try {
    const size = sizeOf(path);
    const start = Math.max(size < from ? 0 : from, size - MOST_LOG_BYTES);
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(Math.max(0, size - start));
      return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, start));
    } finally {
      closeSync(file);
    }
  } catch {
    // A log that cannot be read says nothing; the firewall does.
    return '';
  }
}

/** What every action of fail2ban can do that is no program in Python. */
const RUNS = 'executeCmd';

/** Asks over one connection to fail2ban's socket. */
export function askingOver(talk: Talk): Asking {
  return {
    actions: async (jail) => {
      const actions: string[] = [];
      for (const action of await actionsOf(talk, jail)) {
        if ((await wordsOfAction(talk, jail, action, 'actionmethods')).includes(RUNS)) actions.push(action);
      }
      return actions;
    },
    succeeds: (jail, action, command, seconds) => succeeds(talk, jail, action, command, seconds),
    isBanned: async (jail, ip) => (await areBanned(talk, jail, [ip], await tellingOf(talk)))[0] === true,
    change: async (jail, verb, ip) => void (await change(talk, jail, verb, [ip])),
    logTarget: () => logTargetOf(talk),
  };
}

/** An effect, or that its ban cannot be seen for a reason. */
export function withUnseen(effect: Effect, reason: string | undefined): Effect {
  if (reason === undefined || effect.outcome === 'failed') return effect;
  const { outcome, localJail } = effect;
  return { outcome: 'unproven', reason, localJail, isBegun: outcome === 'applied' };
}

/** What a person is told of a jail whose bans cannot be seen. */
export function unprovenSays(jail: string, reason: string): string {
  return `Bans in fail2ban's jail ${jail} cannot be seen in the firewall of this host, and count as unproven: ${reason}. Mend its action (banaction of the jail; that of the jail banshare is banaction_allports), or set [apply] enforcer = "nftables".`;
}
