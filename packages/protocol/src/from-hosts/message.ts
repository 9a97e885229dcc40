import { parseAddress, type Address } from '../words/address.ts';
import type { Report, ReportedBan } from '../words/ban.ts';
import { LARGEST_SEQ, LATEST_SECONDS } from '../words/bounds.ts';
import { droppedFields, parseDropped, type Dropped, type Uncounted } from './dropped.ts';
import { FOR_EVER, LONGEST_SECONDS, wholeSeconds } from '../words/duration.ts';
import { encodeJson, FieldReader, parseFields, utf8Length } from '../words/json.ts';
import { parseHostName, parseJail, parseProg, type HostName } from '../words/names.ts';
import { readDetails } from '../words/details.ts';
import { readEvidence } from './evidence.ts';
import { parseNodeBuild, type NodeBuild } from './node-build.ts';
import { outcomeFields, parseOutcome, type Outcome } from './outcome.ts';
import { parseReceipt, type Receipt } from './receipt.ts';
import { bad, good, quote, type Result } from '../words/result.ts';
import { parseTook, tookFields, type Took } from './took.ts';

/** Bytes of a request's body at most, by its subject. */
export const BODY_LIMIT = 4096;
export const ACK_BODY_LIMIT = 8192;
/** A clock that is off by more is wrong: nothing from further ahead is taken, in seconds. */
export const CLOCK_SECONDS = 60;
/** A report waits a week at most where no server is; with a day for the way, none is older. */
export const OLDEST_SECONDS = 8 * 86_400;
/** How many addresses of its host a request may name. */
export const ADDRESSES_LIMIT = 16;

/**
 * What every request carries: `at` epoch seconds by the sender's clock, `key` Ed25519 hex, `to` the server's Z85 key. A report or an
 * unban says also its `age`: how many seconds before it was signed its sender found it, by one clock and so whatever that shows.
 */
export type Envelope = { id: string; at: number; age?: number; key: string; to: string };

export type ReportRequest = { kind: 'report'; sender: HostName; report: Report };
export type UnbanRequest = { kind: 'unban'; ban: ReportedBan };
/**
 * `join` proves that whoever asks has the join key, or the token of that id: the MAC of enrolmentText(), in hex. A key that is known needs
 * none.
 */
export type EnrolRequest = {
  kind: 'enrol';
  name: HostName;
  addresses: readonly string[];
  join?: string;
  token?: string;
};
/** `since` absent asks for a snapshot; `snapshot` and `next` ask for its next page. */
export type SyncRequest = {
  kind: 'sync';
  epoch?: string;
  since?: number;
  tail?: string;
  snapshot?: number;
  next?: string;
  limit: number;
};
export type AckRequest = {
  kind: 'ack';
  epoch: string;
  applied: number;
  tail: string;
  instance: string;
  version: string;
  generation: string;
  addresses: readonly string[];
  outcomes: readonly Outcome[];
  /** Whether everything that is applied on this host can be a range. */
  ranges?: boolean;
  /** What is really in place; older hosts do not tell. */
  receipt?: Receipt;
  /** What its own sets have dropped, once a minute; older hosts do not tell. */
  dropped?: Dropped | Uncounted;
  /** How long bans took since its last word; a host that times none, being older, sends no list. */
  took?: readonly Took[];
  /** By which name or address this host reaches the server, where it knows several. */
  server?: string;
  /** How many bans are in force here that the server's ledger lacks: it has another history of the same epoch. */
  lacking?: number;
  /** How many reports wait there for a server; older hosts do not tell. */
  spool?: number;
  /** What its client runs on; older hosts do not tell. */
  node?: NodeBuild;
};
/** `next` is the key that shall follow, Ed25519 hex; `proof` its own signature over rotationText(), in hex. */
export type RotateRequest = { kind: 'rotate'; next: string; proof: string };
export type RequestKind =
  ReportRequest | UnbanRequest | EnrolRequest | SyncRequest | AckRequest | RotateRequest;
export type Request = Envelope & RequestKind;

/** Why a request could not be read; the id is there whenever the body had one. */
export type RequestFault = {
  ok: false;
  code: 'malformed' | 'size' | 'unsupported';
  fault: string;
  id?: string;
};

const LONGEST_TEXT = 255;

/** The subject and body of a request, as text; the signature is made over exactly these. */
export function encodeRequest(envelope: Envelope, request: RequestKind): { subject: string; body: string } {
  const { id, at, age, key, to } = envelope;
  const common = { v: 1, id, at, age, key, to };
  if (request.kind === 'report') {
    // Field by field, since a caller's report may carry more (its own id and time) than belongs here.
    const { prog, jail, ip, durationSeconds: duration, failures, port, protocol, evidence } = request.report;
    return {
      subject: `${prog};${jail};${ip};${request.sender}`,
      body: encodeJson({ ...common, duration, failures, port, protocol, evidence }),
    };
  }
  if (request.kind === 'unban') {
    const { ip, prog, jail } = request.ban;
    return { subject: 'unban', body: encodeJson({ ...common, ip, prog, jail }) };
  }
  if (request.kind === 'ack') {
    const { kind, ...fields } = request;
    const outcomes = request.outcomes.map(outcomeFields);
    const dropped = request.dropped === undefined ? undefined : droppedFields(request.dropped);
    const took = request.took === undefined ? undefined : tookFields(request.took);
    return { subject: kind, body: encodeJson({ ...common, ...fields, outcomes, dropped, took }) };
  }
  const { kind, ...fields } = request;
  return { subject: kind, body: encodeJson({ ...common, ...fields }) };
}

/** What a signature covers. */
export function signedText(subject: string, body: string): string {
  return `banshare/1\0${subject}\0${body}`;
}

/** What a MAC covers instead of a signature: the same, under another label. */
export function coveredByMac(subject: string, body: string): string {
  return `banshare/mac/1\0${subject}\0${body}`;
}

/** What the next key signs to prove that whoever asks holds it: for this request, this host and this server alone. */
export function rotationText({ id, key, to }: Omit<Envelope, 'at'>, next: string): string {
  return `banshare/rotate/1\0${id}\0${key}\0${next}\0${to}`;
}

/** What an enrolment's MAC covers: a host that is in cannot enrol others by its own connection, nor by what it saw. */
export function enrolmentText({ id, key, to }: Omit<Envelope, 'at'>, name: HostName): string {
  return `banshare/enrol/1\0${id}\0${key}\0${name}\0${to}`;
}

/** Reads a request strictly; unknown fields are ignored, unknown subjects are `unsupported`. */
export function parseRequest(subject: string, body: string): { ok: true; value: Request } | RequestFault {
  const limit = subject === 'ack' ? ACK_BODY_LIMIT : BODY_LIMIT;
  if (body.length > limit || utf8Length(body) > limit) {
    return { ok: false, code: 'size', fault: `the body of ${quote(subject)} is longer than ${limit} bytes` };
  }
  const fields = parseFields(body);
  if (!fields.ok) return { ok: false, code: 'malformed', fault: fields.fault };
  const read = new FieldReader(fields.value);
  const envelope = readEnvelope(read);
  const known = /^[0-9a-f]{32}$/.test(envelope.id) ? { id: envelope.id } : {};
  if (read.fault !== undefined) return { ok: false, code: 'malformed', fault: read.fault, ...known };
  const request = readKind(subject, read);
  if (request === undefined) {
    return { ok: false, code: 'unsupported', fault: `unknown subject ${quote(subject)}`, ...known };
  }
  if (!request.ok) return { ok: false, code: 'malformed', fault: request.fault, ...known };
  if (read.fault !== undefined) return { ok: false, code: 'malformed', fault: read.fault, ...known };
  return { ok: true, value: { ...envelope, ...request.value } };
}

function readEnvelope(read: FieldReader): Envelope {
  const id = read.hex('id', 32);
  read.version();
  const age = read.described('age', (own) => own.number('age', 0, LONGEST_SECONDS));
  return {
    id,
    at: read.number('at', 0, LATEST_SECONDS),
    ...(age === undefined ? {} : { age }),
    key: read.hex('key', 64),
    to: read.token('to', 40),
  };
}

function readKind(subject: string, read: FieldReader): Result<RequestKind> | undefined {
  if (subject.includes(';')) return readReport(subject, read);
  switch (subject) {
    case 'unban':
      return good({ kind: 'unban', ban: readBanKey(read) });
    case 'enrol':
      return good({
        kind: 'enrol',
        name: read.parsed('name', LONGEST_TEXT, parseHostName),
        addresses: readAddresses(read),
        ...(read.has('join') ? { join: read.hex('join', 64) } : {}),
        ...(read.has('token') ? { token: read.hex('token', 12) } : {}),
      });
    case 'sync':
      return good(readSync(read));
    case 'ack':
      return good(readAck(read));
    case 'rotate':
      return good({ kind: 'rotate', next: read.hex('next', 64), proof: read.hex('proof', 128) });
    default:
      return undefined;
  }
}

function readReport(subject: string, read: FieldReader): Result<ReportRequest> {
  const parts = subject.split(';');
  if (parts.length !== 4)
    return bad(`a report's subject is prog;jail;ip;sender, this one has ${parts.length} parts`);
  const prog = parseProg(parts[0] ?? '');
  if (!prog.ok) return prog;
  const jail = parseJail(parts[1] ?? '');
  if (!jail.ok) return jail;
  const ip = parseAddress(parts[2] ?? '');
  if (!ip.ok) return ip;
  const sender = parseHostName(parts[3] ?? '');
  if (!sender.ok) return sender;
  const report: Report = { prog: prog.value, jail: jail.value, ip: ip.value };
  const duration = read.described('duration', (own) =>
    own.number('duration', FOR_EVER, Number.POSITIVE_INFINITY),
  );
  const seconds = duration === undefined ? undefined : wholeSeconds(duration);
  if (seconds !== undefined) report.durationSeconds = seconds;
  const evidence = readEvidence(read);
  if (evidence !== undefined) report.evidence = evidence;
  return good({ kind: 'report', sender: sender.value, report: Object.assign(report, readDetails(read)) });
}

function readBanKey(read: FieldReader): ReportedBan {
  return {
    ip: read.parsed('ip', 45, parseAddress),
    prog: read.parsed('prog', 64, parseProg),
    jail: read.parsed('jail', 64, parseJail),
  };
}

function readAddresses(read: FieldReader): Address[] {
  if (!read.has('addresses')) return [];
  // What is no address is left out: a host that lists a link-local one with its zone must still be heard.
  return read.list('addresses', ADDRESSES_LIMIT).flatMap((item) => {
    const address = typeof item === 'string' ? parseAddress(item) : undefined;
    return address?.ok ? [address.value] : [];
  });
}

function readSync(read: FieldReader): SyncRequest {
  const sync: SyncRequest = {
    kind: 'sync',
    limit: read.has('limit') ? read.integer('limit', 1, 10_000) : 500,
  };
  if (read.has('epoch')) sync.epoch = read.token('epoch', 64);
  if (read.has('since')) sync.since = read.integer('since', 0, LARGEST_SEQ);
  if (read.has('tail')) sync.tail = read.token('tail', 16);
  if (read.has('snapshot')) sync.snapshot = read.integer('snapshot', 0, LARGEST_SEQ);
  if (read.has('next')) sync.next = read.text('next', LONGEST_TEXT);
  return sync;
}

/** What cannot be read of it is left out, as with all that only says more of a host. */
function readServer(read: FieldReader): Pick<AckRequest, 'server'> {
  const server = read.described('server', (own) =>
    own.parsed<string>('server', LONGEST_TEXT, parseServerAddress),
  );
  return server === undefined ? {} : { server };
}

/** A name or an address. */
function parseServerAddress(text: string): Result<string> {
  return text.includes(':') ? parseAddress(text) : parseHostName(text);
}

function readAck(read: FieldReader): AckRequest {
  const receipt = read.has('receipt') ? parseReceipt(read.value('receipt')) : undefined;
  const node = read.has('node') ? parseNodeBuild(read.value('node')) : undefined;
  const dropped = read.has('dropped') ? parseDropped(read.value('dropped')) : undefined;
  return {
    kind: 'ack',
    epoch: read.token('epoch', 64),
    applied: read.integer('applied', 0, LARGEST_SEQ),
    tail: read.token('tail', 16),
    instance: read.token('instance', 64),
    version: read.token('version', 64),
    generation: read.token('generation', 64),
    addresses: readAddresses(read),
    outcomes: read.has('outcomes') ? read.list('outcomes', 200).flatMap((item) => parseOutcome(item)) : [],
    ...(read.has('ranges') ? { ranges: read.boolean('ranges') } : {}),
    ...(receipt === undefined ? {} : { receipt }),
    ...(dropped === undefined ? {} : { dropped }),
    ...(read.has('took') ? { took: parseTook(read.value('took')) } : {}),
    ...readServer(read),
    ...(read.has('lacking') ? { lacking: read.integer('lacking', 0, LARGEST_SEQ) } : {}),
    ...readSpool(read),
    ...(node === undefined ? {} : { node }),
  };
}

function readSpool(read: FieldReader): Pick<AckRequest, 'spool'> {
  const spool = read.described('spool', (own) => own.integer('spool', 0, LARGEST_SEQ));
  return spool === undefined ? {} : { spool };
}
