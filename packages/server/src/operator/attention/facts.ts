import type { HostAt } from '../../never-ban/fleet-addresses.ts';
import type { EnrolmentHold } from '../../fleet/enrolment-rate.ts';
import type { Namesake } from '../../fleet/namesake.ts';
import type { Frozen } from '../../judging/freeze.ts';
import type { BanRate } from '../../judging/rate-watch.ts';
import type { InPlace, OutOfPlace } from '../../fleet/in-place.ts';
import type { Worth } from '../../fleet/worth.ts';
import type { Latency } from '../../metrics/latency.ts';
import type { BannedAnyway } from '../../never-ban/banned-anyway.ts';
import type { EnrolmentMode } from '../../words/hosts/enrolment.ts';
import type { Outage } from '../../words/outage.ts';
import type { AttentionKind } from './kinds.ts';

/** The log that several servers share, and this server's replica of it. */
type SharedFacts = {
  /** The database, as host:port; null while none is reached. */
  at: string | null;
  durability: string;
  /** The entry that was applied here last, and the last one that was seen there. */
  applied: number;
  last: number;
  /** By how many seconds this server's time is ahead of the database's; null while that is not known. */
  clockAhead: number | null;
  /** Why it cannot be written now, and why this server applies nothing more; null where that is well. */
  fault: string | null;
  stopped: string | null;
  /** It stopped at its start, and has opened no port. */
  isShut: boolean;
  /** It stopped since other servers have a newer program, and has closed its ports or is about to. */
  isOutdated: boolean;
  /** How many entries it has at least that the log lacks; null where it lacks none, as far as is known. */
  aheadBy: number | null;
  /** When and why it began with a snapshot instead of the replica that it had, which lies there still; null where none does. */
  startedOver: { at: number; code: string; why: string; kept: string } | null;
};

/** What became of the last drill, of hosts that count. All times are seconds. */
export type DrillFacts = {
  /** When it began, epoch seconds; null where there was none. */
  at: number | null;
  /** How often there is one by the clock; null where there is none. */
  every: number | null;
  /** A host that takes longer is slow. */
  limit: number;
  hosts: number;
  /** Of those that answered. */
  slowest: number | null;
  missed: { host: string; outcome: string; reason: string | null }[];
  slow: { host: string; seconds: number }[];
};

/** How many receivers there are, when the process that tells them asked last, whom it cannot reach, and for how long it is silent. */
type MessageFacts = {
  receivers: number;
  askedAt: number | null;
  failing: readonly string[];
  silentSeconds: number | null;
};

/** The backups of this server: as [backup] wants them, or where that wants none the last to a file that somebody named. */
export type BackupFacts = {
  isConfigured: boolean;
  /** When the last one was that was read back, epoch seconds; null where none is known. */
  lastGood: number | null;
  ageSeconds: number | null;
  place: string | null;
  bytes: number | null;
  /** The last try, where it failed. */
  failed: { at: number; why: string } | null;
};

/** How the fleet is. What a person has to know of it says attention.ts: a new fact that matters gets an entry there. */
export type Facts = {
  /** By the time that bans go by. */
  now: number;
  epoch: string;
  head: number;
  /** Why nothing can be written to the ledger, and why nothing is published; null where that is well. */
  cannotCommit: Outage | null;
  cannotPublish: Outage | null;
  /** How the log is that several servers share; null where this one is alone. */
  shared: SharedFacts | null;
  activeBans: number;
  /** How many of them are of ranges, and which hosts cannot apply those. */
  activeRanges: number;
  withoutRanges: string[];
  /** Hosts that come from an address that is banned, and what bans it. */
  bannedHosts: { host: string; address: string; bans: string[] }[];
  /** Bans of what is listed as never banned: the list became longer, or an address of this machine is new. */
  bannedAnyway: BannedAnyway[];
  /** Ranges of every address that are listed as never banned: while one is, nothing there is. */
  neverBansAll: string[];
  /** Hosts that are too young to protect where they come from, and of whose address a ban is held for that. */
  heldNewcomers: HostAt[];
  /** How many of what is held is of such addresses, and stays held when the rest is published. */
  heldOfNewcomers: number;
  hosts: number;
  /** Hosts that have said that they have everything. */
  converged: number;
  behind: Trouble[];
  /** Hosts that hold bans which this ledger lacks, until their end: it has another history of the same epoch. */
  lacking: { name: string; bans: number }[];
  /** What hosts say is really in place, and those on which not all of it is. Muted ones are left out here and above. */
  inPlace: InPlace;
  outOfPlace: OutOfPlace[];
  /** How fast bans were within the last hour. */
  latency: Latency;
  /** What shared bans have dropped. */
  worth: Worth;
  /** Hosts that carry out nothing since they shall not, hosts that do not say what is in place, and bans that are unproven. */
  listening: string[];
  withoutReceipt: string[];
  unproven: { name: string; count: number }[];
  /** Hosts that an operator wants not to count for a time. */
  muted: { name: string; until: number; note: string }[];
  wrongClocks: Trouble[];
  /** By how many seconds this machine's clock is ahead of the time that bans go by; 0 is well. */
  clockJump: number;
  /** How many new bans hosts bring now, and usually. */
  banRate: BanRate;
  /** The last drill; null where there was none and none is to be by the clock. */
  drill: DrillFacts | null;
  /** Whether an operator stopped the fleet, since when, and until when. */
  frozen: Frozen | null;
  /** Full /64s of which a ban is held because of the hosts that cannot apply ranges. */
  heldBlocks: string[];
  /** Bans that are held, by a limit, a freeze or a rule, until an operator releases or drops them. */
  held: number;
  /** Hosts that wait for an operator, by name; and those whose wanted name another key has. */
  pending: string[];
  renamed: { name: string; wanted: string }[];
  /** Of both, the host that has the name they ask for, and would be revoked where it is not alive. */
  namesakes: (Namesake & { of: string })[];
  enrolment: EnrolmentMode;
  /** Until when it is open, epoch seconds, and whether it ended by itself. */
  enrolmentUntil: number | null;
  enrolmentEnded: boolean;
  /** What holds newcomers back, or did within the last hour. */
  enrolmentHold: EnrolmentHold | null;
  /** Hosts with whose key two processes speak: cloned machines. */
  doubled: string[];
  generations: string[];
  /** Those that other servers have and this one lacks. */
  lackingGenerations: string[];
  /** Where hosts reach the servers of the fleet, by every generation in service. */
  servers: string[];
  /** Whether other servers have the same ledger. */
  sharesLedger: boolean;
  /** Keys of which server.toml says otherwise than what this server goes by since its start, as of the last reload. */
  needsRestart: readonly string[];
  /** How messages go out; null where server.toml names nobody who gets any. */
  messages: MessageFacts | null;
  backup: BackupFacts;
  /** What this server runs on, and hosts whose Node nobody has updated for long. */
  node: { version: string; asOf: number | null };
  /** What is wrong with the files that say where addresses are, a sentence each. */
  enrichmentFaults: readonly string[];
  oldNodes: HostNode[];
  /** How many hosts run which generation's build. */
  hostsByGeneration: Record<string, number>;
  startedAt: number;
};

/** The Node of a host, and until when that was known to be the newest, epoch seconds. */
type HostNode = { name: string; version: string; asOf: number };

/** Why a person should look at a host. Times are epoch seconds; lag counts events. */
export type Trouble = {
  name: string;
  lag: number;
  lagSeconds: number;
  /** For how long it has been behind or silent, as far as this server was there to see it. */
  awaySeconds: number;
  lastSeen: number | null;
  clockAhead: number | null;
  /** Events that it has and this ledger lacks: this one is an older copy. */
  ahead: number;
};

/** One thing for a person: a word for programs that stays the same, and a sentence that names hosts and says what to do. */
export type Entry = { code: AttentionKind; text: string };
