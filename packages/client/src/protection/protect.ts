import { readFileSync } from 'node:fs';
import { parseAddress, specialRange, type Target } from '@banshare/protocol';
import { type ClientConfig, type HostPaths, machineAddresses, monotonicSeconds } from '@banshare/runtime';
import { exec, type Ended } from '../host/exec.ts';
import { readerByClient, readerOverSocket, type IgnoreReader } from './ignoreip-readers.ts';
import { defaultGateways } from '../host/proc-net.ts';
import { IgnoreIp } from './fail2ban-ignoreip.ts';
import { Rulebook, type Protected } from './rulebook.ts';
import type { ServerAddresses } from './server-addresses.ts';
import { lookUpAll } from '../server/server-address.ts';
import { isShownNoMachine } from './shown-processes.ts';
import { SessionWatch } from './ssh-sessions.ts';
import { isFail2banCommand } from '../fail2ban/client.ts';

/** Where this machine's own affairs are read. */
export type Machine = { proc: string; passwd: string; resolvers: readonly string[] };

export const THIS_MACHINE: Machine = {
  proc: '/proc',
  passwd: '/etc/passwd',
  // The first may name a stub on this host only; the others name those that the stub asks.
  resolvers: [
    '/etc/resolv.conf',
    '/run/systemd/resolve/resolv.conf',
    '/run/NetworkManager/resolv.conf',
    '/run/NetworkManager/no-stub-resolv.conf',
    '/run/dnsmasq/resolv.conf',
  ],
};

export type ProtectionParts = {
  config: Pick<ClientConfig, 'addresses' | 'neverBan' | 'apply' | 'enforcer'>;
  paths: Pick<HostPaths, 'installedFrom' | 'fail2banSocket'>;
  machine: Machine;
  server: Pick<ServerAddresses, 'all' | 'refresh'>;
  fault: (key: string, text: string) => void;
};

const MACHINE_SECONDS = 1;
/** What is read for a ban is good for the next ones of the same moment; looking never takes more than a tenth of the time. */
const MOMENT_SECONDS = 0.05;
const SHARE_OF_LOOKING = 10;
const IGNOREIP_SECONDS = 60;
/** After a fault, while fail2ban has never answered. */
const SOON_SECONDS = 10;
/** By fail2ban's client each jail is a start of Python: asking takes a twentieth of the time at most. */
const SHARE_OF_ASKING = 20;
const ASK_MS = 5000;
/** The ignoreip of a jail with the networks of some countries; what is cut would protect another address, and not the rest. */
const LONGEST_LIST = 8 * 1024 * 1024;

const HIDDEN_SESSIONS =
  'Cannot see who is logged in by SSH, and so cannot protect them: the client needs CAP_SYS_PTRACE to look';
const NO_SESSIONS =
  "This client runs in a container that does not show it the machine's processes, so whoever is logged in by SSH is not protected: run it with --pid=host --cap-add=SYS_PTRACE, or list your own addresses in [never-ban] of client.toml";

/** Why an address is protected: by client.toml, by fail2ban's ignoreip, or by what this host found out; the rule is for people. */
type Protects = { code: 'listed' | 'ignored' | 'protected'; text: string };

/**
 * What this host never bans, beside the special ranges: what client.toml and fail2ban's ignoreip list, this host's own
 * addresses, its way to the world, the banshare server, whoever is logged in by SSH at this moment, and whoever installed
 * banshare. The server is not asked: this is the check that counts.
 */
export class Protection {
  readonly #parts: ProtectionParts;
  readonly #ignoreIp: IgnoreIp;
  #listed: Rulebook;
  readonly #machine: Fresh<Rulebook>;
  readonly #server: Fresh<Rulebook>;
  readonly #sessions: Fresh<Rulebook>;
  readonly #isShownNoMachine: boolean;
  #hasHiddenSessions = false;
  /** Monotonic seconds. */
  #ignoreIpDueAt = -Infinity;

  constructor(parts: ProtectionParts) {
    this.#parts = parts;
    this.#ignoreIp = new IgnoreIp(readersOf(parts), async (name) => {
      const found = await lookUpAll(name);
      return found.ok ? found.value : undefined;
    });
    this.#listed = listedIn(parts.config);
    this.#machine = new Fresh(() => this.#readMachine(), MACHINE_SECONDS);
    const atServer = (): Protected[] =>
      parts.server.all().map((what) => ({ what, rule: 'the banshare server' }));
    this.#server = new Fresh(() => new Rulebook(atServer()), MOMENT_SECONDS);
    this.#isShownNoMachine = isShownNoMachine(parts.machine.proc);
    const watch = new SessionWatch(parts.machine.proc, parts.machine.passwd);
    this.#sessions = new Fresh(() => this.#readSessions(watch), MOMENT_SECONDS);
  }

  /** The configuration that it was made with lists others now. */
  relist(): void {
    this.#listed = listedIn(this.#parts.config);
  }

  /** The rule by which an address is not banned in a local jail; undefined where it may be. */
  ruleFor(ip: Target, localJail: string): Protects | undefined {
    const { missingJail } = this.#parts.config.apply;
    const ignored = localJail === missingJail ? this.#ignoreIp.all : this.#ignoreIp.of(localJail);
    const as = (code: Protects['code'], rule: string | undefined): Protects | undefined =>
      rule === undefined ? undefined : { code, text: rule };
    return (
      as('protected', specialRange(ip)) ??
      as('listed', this.#listed.ruleFor(ip)) ??
      as('protected', this.#machine.get().ruleFor(ip) ?? this.#server.get().ruleFor(ip)) ??
      as('ignored', ignored.ruleFor(ip)) ??
      as('protected', this.#sessions.get().ruleFor(ip))
    );
  }

  /** Whether fail2ban has said what it ignores since this host's client was started. */
  knowsIgnoreIp(): boolean {
    return this.#ignoreIp.isKnown;
  }

  /** Everything that is protected at this moment, in whatever jail. */
  all(): Protected[] {
    const { all } = this.#ignoreIp;
    const books = [this.#listed, this.#machine.get(), this.#server.get(), all, this.#sessions.get()];
    return books.flatMap(({ entries }) => entries);
  }

  /**
   * Reads fail2ban's ignoreip when it is due; until fail2ban has answered once, that is at every call. Has the server's name
   * looked up too, and does not wait for it.
   */
  async refresh(): Promise<void> {
    void this.#parts.server.refresh();
    const began = monotonicSeconds();
    if (began < this.#ignoreIpDueAt) return;
    try {
      if (await this.#ignoreIp.read()) this.#ignoreIpDueAt = dueAfter(began, IGNOREIP_SECONDS);
    } catch (error) {
      const seconds = this.#ignoreIp.isKnown ? IGNOREIP_SECONDS : SOON_SECONDS;
      this.#ignoreIpDueAt = dueAfter(began, seconds);
      this.#parts.fault(
        'ignoreip',
        `Cannot read the ignoreip of fail2ban's jails: ${(error as Error).message}`,
      );
    }
    for (const says of this.#ignoreIp.unknown) this.#parts.fault(`ignoreip ${says}`, says);
  }

  /** What is to be protected and cannot be known, in sentences. */
  unknown(): string[] {
    this.#sessions.get();
    const isListed = this.#parts.config.neverBan.addresses.length > 0;
    return [
      ...this.#ignoreIp.unknown,
      ...(this.#hasHiddenSessions ? [HIDDEN_SESSIONS] : []),
      ...(this.#isShownNoMachine && !isListed ? [NO_SESSIONS] : []),
    ];
  }

  #readMachine(): Rulebook {
    const { config, paths, machine } = this.#parts;
    const named = (texts: readonly string[], rule: string): Protected[] =>
      texts.flatMap((text) => {
        const address = parseAddress(text);
        return address.ok ? [{ what: address.value, rule }] : [];
      });
    return new Rulebook([
      ...named([...machineAddresses(), ...config.addresses], 'an address of this host'),
      ...named(defaultGateways(machine.proc), 'the default gateway'),
      ...named(machine.resolvers.flatMap(resolversIn), 'a resolver of this host'),
      ...named(words(paths.installedFrom), 'who installed banshare here'),
    ]);
  }

  #readSessions(watch: SessionWatch): Rulebook {
    const { addresses, hidden } = watch.now();
    this.#hasHiddenSessions = hidden > 0;
    if (this.#hasHiddenSessions) this.#parts.fault('sessions', HIDDEN_SESSIONS);
    return new Rulebook([...addresses].map((what) => ({ what, rule: 'an authenticated SSH session' })));
  }
}

function listedIn({ neverBan }: ProtectionParts['config']): Rulebook {
  const rule = (what: Target): string => `${what} of [never-ban] in client.toml`;
  return new Rulebook(neverBan.addresses.map((what) => ({ what, rule: rule(what) })));
}

/** Asks over the socket, and where there is none by the way by which it bans. */
function readersOf({ config, paths }: ProtectionParts): IgnoreReader[] {
  const run = (words: readonly string[]): Promise<Ended> =>
    exec(words, ASK_MS, () => monotonicSeconds() * 1000, { keptBytes: LONGEST_LIST });
  const byClient = readerByClient(config, run);
  const overSocket = readerOverSocket(paths.fail2banSocket);
  if (byClient === undefined) return [overSocket];
  // A command with options of its own, or in a container, may be of another fail2ban than the one behind the socket.
  return isFail2banCommand(config) ? [overSocket, byClient] : [byClient, overSocket];
}

function dueAfter(began: number, seconds: number): number {
  const ended = monotonicSeconds();
  return ended + Math.max(seconds, SHARE_OF_ASKING * (ended - began));
}

/** A reading that is good for a while, the longer the more it costs. */
class Fresh<T> {
  readonly #read: () => T;
  readonly #seconds: number;
  #value: T | undefined;
  #until = -Infinity;

  constructor(read: () => T, seconds: number) {
    this.#read = read;
    this.#seconds = seconds;
  }

  get(): T {
    const began = monotonicSeconds();
    if (this.#value !== undefined && began < this.#until) return this.#value;
    this.#value = this.#read();
    const ended = monotonicSeconds();
    this.#until = ended + Math.max(this.#seconds, SHARE_OF_LOOKING * (ended - began));
    return this.#value;
  }
}

function resolversIn(path: string): string[] {
  return lines(path).flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
}

function words(path: string): string[] {
  return lines(path).flatMap((line) => line.split(/\s+/));
}

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
