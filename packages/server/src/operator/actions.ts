import { RELOADED, type AdminTable, type FieldsOf, type ShapeOf } from '@banshare/runtime';
import type { AuditEntry } from '../ledger/books/audit.ts';
import type { Openness } from '../words/hosts/enrolment.ts';
import type { ToldToken } from '../words/hosts/token.ts';
import type { Admitting } from '../words/hosts/admitting.ts';
import type { HostAt } from '../never-ban/fleet-addresses.ts';
import type { Unbanned } from './deeds/bans.ts';
import type { DrillTime } from '../words/drill.ts';
import { MEASURES } from '../metrics/measures.ts';
import { OUT_OF_PLACE } from '../fleet/in-place.ts';
import { WORTH } from '../fleet/worth.ts';
import type { Entry, Trouble } from './attention/facts.ts';
import { BAN, EVENT, EVENTS } from './looking/event-shape.ts';
import { PAGE_ACTIONS } from './looking/page-actions.ts';
import { HISTORY_ACTIONS } from './looking/history-actions.ts';
import type { ImportedPart } from './deeds/import.ts';
import type { Told } from './attention/messages.ts';
import { HOST, NAMESAKE } from './host-shape.ts';
import { FROZEN, NUMBER_OR_NULL, TEXT_OR_NULL, TEXTS } from './looking/shapes.ts';
import type { HostList } from './host-list.ts';
import type { Status } from './status.ts';
import type { Freezing, ListedHeld } from './deeds/stop.ts';
import type { UndoAnswer } from './deeds/undo.ts';
import type { Words } from './looking/words.ts';
import { WORDS_OF } from '../words/completion.ts';

const SAYS = { fields: { says: 'text' } } as const;
const COUNTED = { fields: { name: 'text', count: 'number' } } as const;

const OUTAGE: ShapeOf<Status['cannotCommit']> = { orNull: { fields: { since: 'number', reason: 'text' } } };
const ENTRIES: ShapeOf<Entry[]> = { list: { fields: { code: 'text', text: 'text' } } };
const HOSTS_AT: ShapeOf<HostAt[]> = { list: { fields: { host: 'text', address: 'text' } } };
const OPENNESS: FieldsOf<Openness> = { mode: 'text', until: NUMBER_OR_NULL, hasEnded: 'flag' };

const LISTED_HELD: FieldsOf<ListedHeld> = BAN;
const FREEZING: FieldsOf<Freezing> = { frozen: FROZEN.orNull, before: { optional: FROZEN } };

const TROUBLE: FieldsOf<Trouble> = {
  name: 'text',
  lag: 'number',
  lagSeconds: 'number',
  awaySeconds: 'number',
  lastSeen: NUMBER_OR_NULL,
  clockAhead: NUMBER_OR_NULL,
  ahead: 'number',
};

const DRILL: ShapeOf<Status['drill']> = {
  orNull: {
    fields: {
      at: NUMBER_OR_NULL,
      every: NUMBER_OR_NULL,
      limit: 'number',
      hosts: 'number',
      slowest: NUMBER_OR_NULL,
      missed: { list: { fields: { host: 'text', outcome: 'text', reason: TEXT_OR_NULL } } },
      slow: { list: { fields: { host: 'text', seconds: 'number' } } },
    },
  },
};

const QUANTILES: ShapeOf<Status['latency']['applied']> = {
  orNull: { fields: { count: 'number', p50: 'number', p99: 'number' } },
};

const STATUS: FieldsOf<Status> = {
  urgent: ENTRIES,
  todo: ENTRIES,
  now: 'number',
  epoch: 'text',
  head: 'number',
  cannotCommit: OUTAGE,
  cannotPublish: OUTAGE,
  shared: {
    orNull: {
      fields: {
        at: TEXT_OR_NULL,
        durability: 'text',
        applied: 'number',
        last: 'number',
        clockAhead: { orNull: 'number' },
        fault: TEXT_OR_NULL,
        stopped: TEXT_OR_NULL,
        isShut: 'flag',
        isOutdated: 'flag',
        aheadBy: NUMBER_OR_NULL,
        startedOver: { orNull: { fields: { at: 'number', code: 'text', why: 'text', kept: 'text' } } },
      },
    },
  },
  activeBans: 'number',
  activeRanges: 'number',
  withoutRanges: TEXTS,
  bannedHosts: { list: { fields: { host: 'text', address: 'text', bans: TEXTS } } },
  bannedAnyway: { list: { fields: { ip: 'text', rule: 'text' } } },
  neverBansAll: TEXTS,
  heldNewcomers: HOSTS_AT,
  heldOfNewcomers: 'number',
  hosts: 'number',
  converged: 'number',
  behind: { list: { fields: TROUBLE } },
  lacking: { list: { fields: { name: 'text', bans: 'number' } } },
  inPlace: { fields: { hosts: 'number', complete: 'number', fewest: 'number', most: 'number' } },
  outOfPlace: { list: { fields: OUT_OF_PLACE } },
  latency: { fields: { committed: QUANTILES, published: QUANTILES, applied: QUANTILES } },
  worth: { fields: WORTH },
  listening: TEXTS,
  withoutReceipt: TEXTS,
  unproven: { list: COUNTED },
  muted: { list: { fields: { name: 'text', until: 'number', note: 'text' } } },
  wrongClocks: { list: { fields: TROUBLE } },
  clockJump: 'number',
  banRate: {
    fields: {
      recent: 'number',
      usual: NUMBER_OR_NULL,
      most: 'number',
      isAlarm: 'flag',
      loudest: { orNull: { fields: { host: 'text', bans: 'number' } } },
    },
  },
  drill: DRILL,
  frozen: FROZEN,
  heldBlocks: TEXTS,
  held: 'number',
  pending: TEXTS,
  renamed: { list: { fields: { name: 'text', wanted: 'text' } } },
  namesakes: { list: { fields: { ...NAMESAKE, of: 'text' } } },
  enrolment: 'text',
  enrolmentUntil: NUMBER_OR_NULL,
  enrolmentEnded: 'flag',
  enrolmentHold: { orNull: { fields: { tries: 'number', since: 'number', reason: 'text' } } },
  doubled: TEXTS,
  generations: TEXTS,
  lackingGenerations: TEXTS,
  servers: TEXTS,
  sharesLedger: 'flag',
  needsRestart: TEXTS,
  node: { fields: { version: 'text', asOf: NUMBER_OR_NULL } },
  enrichmentFaults: TEXTS,
  oldNodes: { list: { fields: { name: 'text', version: 'text', asOf: 'number' } } },
  backup: {
    fields: {
      isConfigured: 'flag',
      lastGood: NUMBER_OR_NULL,
      ageSeconds: NUMBER_OR_NULL,
      place: TEXT_OR_NULL,
      bytes: NUMBER_OR_NULL,
      failed: { orNull: { fields: { at: 'number', why: 'text' } } },
    },
  },
  messages: {
    orNull: {
      fields: { receivers: 'number', askedAt: NUMBER_OR_NULL, failing: TEXTS, silentSeconds: NUMBER_OR_NULL },
    },
  },
  hostsByGeneration: { each: 'number' },
  startedAt: 'number',
};

const TOLD: FieldsOf<Told> = {
  urgent: ENTRIES,
  todo: ENTRIES,
  isAtWork: 'flag',
  speaks: 'flag',
  reloads: 'number',
};

const HOST_LIST: FieldsOf<HostList> = {
  hosts: { list: { fields: HOST } },
  servers: { list: { fields: { server: 'text', hosts: 'number' } } },
  activeRanges: 'number',
  frozen: FROZEN,
};

const UNBANNED: FieldsOf<Unbanned> = { ip: 'text', lifted: EVENTS, within: 'number', wider: TEXTS };

const UNDONE: FieldsOf<UndoAnswer> = {
  lifted: EVENTS,
  count: 'number',
  kept: 'number',
  shortened: 'number',
  votes: 'number',
  held: 'number',
  hosts: 'number',
  isDry: 'flag',
};

const IMPORTED: FieldsOf<ImportedPart> = {
  banned: 'number',
  left: TEXTS,
  known: 'number',
  over: 'number',
  withoutRanges: TEXTS,
  number: NUMBER_OR_NULL,
};

const DRILLED: FieldsOf<DrillTime> = {
  host: 'text',
  seconds: NUMBER_OR_NULL,
  outcome: 'text',
  reason: TEXT_OR_NULL,
  listens: 'flag',
  isMuted: 'flag',
};

const AUDITED: FieldsOf<AuditEntry> = {
  n: 'number',
  at: 'number',
  what: 'text',
  details: { each: 'anything' },
  hash: 'text',
};

const ADMITTING: FieldsOf<Admitting> = {
  hosts: { list: { fields: { line: 'number', name: 'text', key: 'text', outcome: 'text', says: 'text' } } },
  faults: { list: { fields: { line: 'number', fault: 'text', code: 'text' } } },
};

const WORDS: FieldsOf<Words> = { words: TEXTS };
const TOLD_TOKEN: FieldsOf<ToldToken> = {
  id: 'text',
  made: 'number',
  until: 'number',
  uses: 'number',
  used: 'number',
  from: TEXT_OR_NULL,
  pattern: TEXT_OR_NULL,
  approves: 'flag',
  revoked: NUMBER_OR_NULL,
  state: 'text',
  hosts: TEXTS,
};
const TOKEN_ANSWERS = {
  add: { fields: { token: { fields: TOLD_TOKEN }, text: 'text' } },
  list: { fields: { tokens: { list: { fields: TOLD_TOKEN } } } },
  revoke: { fields: { revoked: TEXTS, before: 'number' } },
} as const;

const SETTLED = {
  fields: { count: 'number', left: { optional: 'number' }, held: { optional: 'number' } },
} as const;
const NEVER_BAN_LIST = {
  fields: {
    entries: {
      list: {
        fields: {
          range: 'text',
          source: 'text',
          until: { optional: NUMBER_OR_NULL },
          note: { optional: 'text' },
          by: { optional: 'text' },
        },
      },
    },
  },
} as const;
const NEVER_BAN_CHANGED = {
  fields: {
    range: 'text',
    lifted: EVENTS,
    taken: { optional: { list: 'anything' } },
    until: { optional: NUMBER_OR_NULL },
  },
} as const;
const HELD = {
  fields: { bans: { list: { fields: LISTED_HELD } }, held: 'number', frozen: FROZEN },
} as const;

/** Every action of the server's socket: the daemon answers by this table, and banshare-server's commands ask by it. */
export const ACTIONS = {
  ping: { takes: {}, gives: 'text' },
  // A quick look tries no write, so that who looks each second costs no disk.
  status: { takes: { 'quick?': 'flag' }, gives: { fields: STATUS } },
  attention: { takes: { 'tryWriting?': 'flag', 'failing?': 'list' }, gives: { fields: TOLD } },
  metrics: { takes: {}, gives: { fields: MEASURES } },
  hosts: {
    takes: {},
    gives: { fields: HOST_LIST },
  },
  // Both at once, for who looks all the time: each host is looked at once.
  overview: {
    takes: { 'quick?': 'flag' },
    gives: { fields: { status: { fields: STATUS }, fleet: { fields: HOST_LIST }, acts: 'flag' } },
  },
  ...HISTORY_ACTIONS,
  words: { takes: { of: WORDS_OF, 'begins?': 'text' }, gives: { fields: WORDS } },
  ban: {
    takes: { ip: 'text', 'jail?': 'text', 'for?': 'text', 'reason?': 'text', 'force?': 'flag' },
    gives: { fields: { asked: 'text', event: { fields: EVENT }, withoutRanges: TEXTS, hits: HOSTS_AT } },
  },
  unban: { takes: { ip: 'text', 'jail?': 'text', 'reason?': 'text' }, gives: { fields: UNBANNED } },
  undo: {
    takes: {
      'host?': 'text',
      'hosts?': 'list',
      'all?': 'flag',
      'import?': 'number',
      'jail?': 'text',
      'since?': 'text',
      'dryRun?': 'flag',
      'reason?': 'text',
    },
    gives: { fields: UNDONE },
  },
  import: {
    takes: { entries: 'list', 'jail?': 'text', 'number?': 'number', 'reason?': 'text' },
    gives: { fields: IMPORTED },
  },
  'change-host': {
    takes: {
      action: ['approve', 'disapprove', 'revoke', 'forget'],
      'name?': 'text',
      'token?': 'text',
      'replace?': 'flag',
      'addresses?': 'list',
      'reason?': 'text',
    },
    gives: SAYS,
  },
  token: {
    takes: {
      action: ['add', 'list', 'revoke'],
      'uses?': 'number',
      'for?': 'text',
      'from?': 'text',
      'name?': 'text',
      'approve?': 'flag',
      'ids?': 'list',
      'all?': 'flag',
      'reason?': 'text',
    },
    gives: ({ action }) => TOKEN_ANSWERS[action as keyof typeof TOKEN_ANSWERS] ?? TOKEN_ANSWERS.list,
  },
  'admit-hosts': {
    takes: { entries: 'list', 'replace?': 'flag', 'check?': 'flag', 'reason?': 'text' },
    gives: { fields: ADMITTING },
  },
  'mute-host': { takes: { name: 'text', for: 'text', 'note?': 'text', 'reason?': 'text' }, gives: SAYS },
  'unmute-host': { takes: { name: 'text', 'reason?': 'text' }, gives: SAYS },
  enrolment: {
    takes: { mode: ['open', 'approve', 'closed'], 'for?': 'text', 'reason?': 'text' },
    gives: { fields: OPENNESS },
  },
  'never-ban': {
    takes: {
      action: ['list', 'add', 'remove'],
      'range?': 'text',
      'force?': 'flag',
      'note?': 'text',
      'for?': 'text',
      'until?': 'text',
      'reason?': 'text',
    },
    gives: ({ action }) => (action === 'list' ? NEVER_BAN_LIST : NEVER_BAN_CHANGED),
  },
  retire: {
    takes: { generation: 'text', 'force?': 'flag', 'undo?': 'flag', 'reason?': 'text' },
    gives: { fields: { says: 'text', reportPort: NUMBER_OR_NULL, publishPort: NUMBER_OR_NULL } },
  },
  release: { takes: { 'reason?': 'text' }, gives: SETTLED },
  drop: { takes: { 'reason?': 'text' }, gives: SETTLED },
  freeze: { takes: { 'for?': 'text', 'reason?': 'text' }, gives: { fields: FREEZING } },
  thaw: { takes: { 'reason?': 'text' }, gives: { fields: { held: 'number' } } },
  held: {
    takes: { 'action?': ['publish', 'discard'], 'reason?': 'text' },
    gives: ({ action }) => (action === undefined ? HELD : SETTLED),
  },
  audit: {
    takes: { 'verify?': 'flag', 'limit?': 'number' },
    gives: { fields: { entries: { list: { fields: AUDITED } } } },
  },
  drill: {
    takes: { 'reason?': 'text' },
    gives: { fields: { ip: 'text', hosts: { list: { fields: DRILLED } } } },
  },
  ...PAGE_ACTIONS,
  'copy-ledger': { takes: { 'file?': 'text' }, gives: 'anything' },
  'move-ledger': {
    takes: { log: 'text', 'durability?': 'text', 'passwordFile?': 'text' },
    gives: 'anything',
  },
  reload: { takes: { 'reason?': 'text' }, gives: { fields: RELOADED } },
  'start-again': { takes: { 'generation?': 'text' }, gives: 'anything' },
  'backup-failed': { takes: { file: 'text', why: 'text' }, gives: 'anything' },
} as const satisfies AdminTable;
