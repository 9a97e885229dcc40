export { parseAddress, embeddedAddress, type Address } from './words/address.ts';
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
} from './words/ban.ts';
export { LARGEST_SEQ, LATEST_SECONDS } from './words/bounds.ts';
export { Z85_DIGITS, isCurveKey } from './words/curve-key.ts';
export { FOR_EVER, formatDuration, parseDuration, wholeSeconds } from './words/duration.ts';
export { cutEvidence, EVIDENCE_BYTES } from './from-hosts/evidence.ts';
export { encodeJson, FieldReader, parseFields, type Fields } from './words/json.ts';
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
} from './from-hosts/message.ts';
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
} from './words/names.ts';
export {
  MOST_DROPPED,
  droppedFields,
  type Dropped,
  type DroppedOf,
  type Uncounted,
} from './from-hosts/dropped.ts';
export { MOST_TOOK, tookFields, type Took } from './from-hosts/took.ts';
export { outcomeFields, parseOutcome, type Outcome, type OutcomeKind } from './from-hosts/outcome.ts';
export { uncomparedSeconds, digestText, type Receipt } from './from-hosts/receipt.ts';
export { parseNodeBuild, type NodeBuild } from './from-hosts/node-build.ts';
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
} from './from-server/publication.ts';
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
} from './words/range.ts';
export { encodeReply, parseReply, type Reply, type Status, type VerdictWord } from './from-server/reply.ts';
export { bad, good, oneLine, quote, type Result } from './words/result.ts';
export { SPECIAL_RANGES, specialRange } from './words/special-ranges.ts';
export {
  SYNC_PAGE,
  parseSyncAnswer,
  syncFields,
  type SnapshotReason,
  type SyncAnswer,
} from './from-server/sync.ts';
export { EMPTY_TAIL, nextTail } from './from-server/tail.ts';
