import type { NodeBuild } from '../src/from-hosts/node-build.ts';
import fc from 'fast-check';
import {
  cutEvidence,
  LARGEST_SEQ,
  LATEST_SECONDS,
  parseAddress,
  parseHostName,
  parseJail,
  parseProg,
  rangeAround,
  type Address,
  type Envelope,
  type Event,
  type HostName,
  type JailName,
  type Outcome,
  type Position,
  type ProgName,
  type Receipt,
  type RequestKind,
  type Result,
  type Target,
} from '../src/index.ts';

/** As fc.record, with the prototype that decoded objects have. */
export const record = ((model: Record<string, fc.Arbitrary<unknown>>, constraints: object = {}) =>
  fc.record(model, { ...constraints, noNullPrototype: true })) as typeof fc.record;

/** Makes any value of the protocol's types, for properties. */
export const address: fc.Arbitrary<Address> = fc
  .oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((text) => `::ffff:${text}`),
  )
  .map((text) => parseAddress(text))
  .filter((result) => result.ok)
  .map(take);
const range: fc.Arbitrary<Target> = fc
  .tuple(address, fc.integer({ min: 0, max: 128 }))
  .map(([ip, prefix]) => rangeAround(ip, ip.includes(':') ? prefix : prefix % 33));
export const prog: fc.Arbitrary<ProgName> = word().map((text) => take(parseProg(text)));
export const jail: fc.Arbitrary<JailName> = word().map((text) => take(parseJail(text)));
const host: fc.Arbitrary<HostName> = fc
  .oneof(fc.stringMatching(/^[a-z0-9]{1,20}$/), fc.domain())
  .map((text) => take(parseHostName(text)));

const count = fc.nat({ max: LARGEST_SEQ });
const seconds = fc.double({ min: 0, max: 4e9, noNaN: true }).map((value) => value + 0);
const token = fc.stringMatching(/^[0-9a-zA-Z.:_-]{1,64}$/);
const port = fc.constantFrom('ssh', 'http,https', '0:65535');
const protocol = fc.constantFrom('tcp', 'udp', 'all');
const failures = fc.nat(1_000_000_000);
const banKey = { ip: address, prog, jail };

export const envelope: fc.Arbitrary<Envelope> = record(
  {
    id: hex(32),
    at: seconds,
    age: fc.double({ min: 0, max: 3e9, noNaN: true }).map((value) => value + 0),
    key: hex(64),
    to: fc.stringMatching(/^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/),
  },
  { requiredKeys: ['id', 'at', 'key', 'to'] },
);

const outcome: fc.Arbitrary<Outcome> = record(
  {
    seq: count,
    outcome: fc.constantFrom('applied', 'already', 'released', 'skipped', 'failed', 'unproven'),
    // Of others only the codes arrive.
    reason: fc.string({ maxLength: 50 }),
  },
  { requiredKeys: ['seq', 'outcome'] },
);

const bans = fc.nat(1_000_000_000);
const reason = fc.stringMatching(/^[ -~]{0,50}$/);
const receipt: fc.Arbitrary<Receipt> = record(
  {
    wanted: bans,
    placed: bans,
    failed: bans,
    full: bans,
    unproven: bans,
    unfit: bans,
    wantedDigest: hex(16),
    placedDigest: hex(16),
    enforcer: reason,
    pausedSince: seconds,
    comparedAgo: seconds,
    comparesEvery: seconds,
    blind: reason,
    why: reason,
  },
  {
    requiredKeys: [
      'wanted',
      'placed',
      'failed',
      'full',
      'unproven',
      'unfit',
      'wantedDigest',
      'placedDigest',
      'enforcer',
    ],
  },
);

/** As much as a report may carry, whatever it is of. */
const evidence = fc.string({ unit: 'binary', maxLength: 1500 }).map((text) => cutEvidence(text) ?? 'x');

/** None travels as 0: that is read as 1. */
const durationSeconds = fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 3_153_600_000 }));

const nodeBuild: fc.Arbitrary<NodeBuild> = record(
  { version: token.filter((text) => text !== ''), asOf: fc.nat({ max: LATEST_SECONDS }) },
  { requiredKeys: ['version'] },
);

export const request: fc.Arbitrary<RequestKind> = fc.oneof(
  record({
    kind: fc.constant('report'),
    sender: host,
    report: record(
      { ...banKey, durationSeconds, failures, port, protocol, evidence },
      { requiredKeys: ['ip', 'prog', 'jail'] },
    ),
  }),
  record({ kind: fc.constant('unban'), ban: record(banKey) }),
  record(
    {
      kind: fc.constant('enrol'),
      name: host,
      addresses: fc.array(address, { maxLength: 16 }),
      join: hex(64),
    },
    { requiredKeys: ['kind', 'name', 'addresses'] },
  ),
  record(
    {
      kind: fc.constant('sync'),
      limit: fc.integer({ min: 1, max: 10_000 }),
      epoch: token,
      since: count,
      tail: hex(16),
      snapshot: count,
      next: fc.string({ unit: 'binary', maxLength: 100 }),
    },
    { requiredKeys: ['kind', 'limit'] },
  ),
  record({ kind: fc.constant('rotate'), next: hex(64), proof: hex(128) }),
  record({
    kind: fc.constant('ack'),
    epoch: token,
    applied: count,
    tail: hex(16),
    instance: token,
    version: token,
    generation: token,
    addresses: fc.array(address, { maxLength: 16 }),
    outcomes: fc.array(outcome, { maxLength: 5 }),
    ranges: fc.boolean(),
    spool: count,
    node: nodeBuild,
    receipt,
  }),
);

export const position: fc.Arbitrary<Position> = record({ epoch: token, seq: count, tail: hex(16) });

export const event: fc.Arbitrary<Event> = record(
  {
    kind: fc.constantFrom('ban', 'unban'),
    epoch: token,
    seq: count,
    tail: hex(16),
    at: seconds,
    until: fc.option(fc.nat({ max: LATEST_SECONDS })),
    ...banKey,
    ip: fc.oneof(address, range),
    host,
    failures,
    port,
    protocol,
    reason: fc.string({ unit: 'binary', maxLength: 100 }),
    everyJail: fc.constant(true as const),
    by: fc.constantFrom('operator', 'host', 'import'),
  },
  { requiredKeys: ['kind', 'epoch', 'seq', 'tail', 'at', 'until', 'ip', 'prog', 'jail', 'host'] },
);

/** Any text, JSON, and JSON that resembles ours: what a decoder may be given. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.json(),
  fc
    .dictionary(
      fc.constantFrom(
        'v',
        'id',
        'at',
        'key',
        'to',
        'ip',
        'prog',
        'jail',
        'host',
        'seq',
        'epoch',
        'tail',
        '__proto__',
      ),
      fc.oneof(fc.jsonValue(), fc.constantFrom(1, 'a'.repeat(16), '203.0.113.9', 'sshd;', 'a\nb')),
    )
    .map((value) => JSON.stringify(value)),
);

function word(): fc.Arbitrary<string> {
  return fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
}

function hex(length: number): fc.Arbitrary<string> {
  return fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
}

function take<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.fault);
}
