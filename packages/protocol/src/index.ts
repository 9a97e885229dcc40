export { parseAddress, embeddedAddress, type Address } from './address.ts';
export {
  banKeyText,
  originOf,
  type BanKey,
  type Details,
  type Event,
  type Origin,
  type Position,
  type Report,
  type ReportedBan,
} from './ban.ts';
export { LARGEST_SEQ, LATEST_SECONDS } from './bounds.ts';
export { Z85_DIGITS, isCurveKey } from './curve-key.ts';
export { FOR_EVER, formatDuration, parseDuration, wholeSeconds } from './duration.ts';
export { cutEvidence, EVIDENCE_BYTES } from './evidence.ts';
export { encodeJson, FieldReader, parseFields, type Fields } from './json.ts';
export {
  CLOCK_SECONDS,
  OLDEST_SECONDS,
  ACK_BODY_LIMIT,
  ADDRESSES_LIMIT,
  BODY_LIMIT,
  encodeRequest,
  enrolmentText,
  parseRequest,
  rotationText,
  coveredByMac,
  signedText,
  type AckRequest,
  type EnrolRequest,
  type Envelope,
  type ReportRequest,
  type Request,
  type RequestFault,
  type RequestKind,
  type RotateRequest,
  type SyncRequest,
  type UnbanRequest,
} from './message.ts';
export {
  SHARED_JAIL,
  isOperators,
  OPERATOR,
  OPERATOR_HOST,
  parseHostName,
  parseJail,
  parsePort,
  parseProg,
  parseTransport,
  type HostName,
  type JailName,
  type ProgName,
} from './names.ts';
export { MOST_DROPPED, droppedFields, type Dropped, type DroppedOf, type Uncounted } from './dropped.ts';
export { MOST_TOOK, tookFields, type Took } from './took.ts';
export { outcomeFields, parseOutcome, type Outcome, type OutcomeKind } from './outcome.ts';
export { uncomparedSeconds, digestText, type Receipt } from './receipt.ts';
export {
  HEARTBEAT_MS,
  encodeEvents,
  encodeHeartbeat,
  eventFields,
  eventSubject,
  parseEvent,
  parsePublication,
  type Heartbeat,
  type Publication,
  type UnknownEvent,
} from './publication.ts';
export {
  covers,
  embeddedTarget,
  isInRange,
  isRange,
  isTooWide,
  overlaps,
  parseRange,
  parseTarget,
  targetOf,
  rangeAround,
  WIDEST_BAN,
  type Range,
  type Target,
} from './range.ts';
export { encodeReply, parseReply, type Reply, type Status, type VerdictWord } from './reply.ts';
export { bad, good, oneLine, quote, type Result } from './result.ts';
export { SPECIAL_RANGES, specialRange } from './special-ranges.ts';
export { SYNC_PAGE, parseSyncAnswer, syncFields, type SnapshotReason, type SyncAnswer } from './sync.ts';
export { EMPTY_TAIL, nextTail } from './tail.ts';
