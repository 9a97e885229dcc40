export { answerBy, type AdminTable } from './admin-actions.ts';
export type { AdminReply, AdminRequest } from './admin-protocol.ts';
export { serveAdmin, type AdminService, type AdminSocket } from './admin-socket.ts';
export { askAdmin } from './ask-admin.ts';
export { bakedFleet, version } from './baked.ts';
export { monotonicSeconds, wallSeconds } from './clock.ts';
export { splitWords } from './command-line.ts';
export { readClientConfig, readServerConfig } from './config.ts';
export { EXIT, type ExitCode } from './exit-codes.ts';
export { failpoint } from './failpoint.ts';
export { FaultLog } from './fault-log.ts';
export { formatFleet, parseFleet, type Fleet } from './fleet.ts';
export { descriptorLimit, descriptorsLeft } from './descriptors.ts';
export { runProgram, StartFault, type Program, type Resources } from './lifecycle.ts';
export { errorText, type Level, type LogFields } from './log-line.ts';
export { openLog, type Log, type LogSettings } from './log.ts';
export type { ReadOptions } from './option-table.ts';
export { FAIL2BAN_COMMANDS, type ClientConfig, type ServerConfig } from './options.ts';
export { hostPaths, type HostPaths } from './paths.ts';
export { asOwner, becomeOwner, ownerOf, type Owner } from './owner.ts';
export { machineAddresses, outsideAddresses, throughLoopback } from './machine-addresses.ts';
export { openPlain, readPlain } from './plain-file.ts';
export {
  isTemporary,
  makePrivateDirectory,
  readPrivate,
  replaceWhole,
  syncDirectory,
  writeAtomic,
  writePrivate,
} from './private-file.ts';
export { readRunOptions } from './run-options.ts';
export { sampleConfig } from './sample-config.ts';
export { ECHO_NOTE_SECONDS, echoNote, isEchoNoteYoung } from './handover/echo-note.ts';
export {
  isMacNoted,
  readServerNote,
  readYoungServerNote,
  writeServerNote,
  type ServerNote,
} from './handover/server-note.ts';
export {
  formatSharedBan,
  oldestSharedBansFile,
  parseSharedBan,
  sharedBansFile,
  timesOfLogged,
} from './handover/shared-bans.ts';
export { DEAD_LETTERS, isSpoolFile, spoolFile, spooledAt, spoolFilesIn } from './handover/spool-files.ts';
export { findServer, type ServerPlace } from './server-place.ts';
export { forPeople, jsonForAll, sentenceForPeople } from './for-people.ts';
export { someOf } from './some-of.ts';
export { SteadyClock } from './steady-clock.ts';
export { askPerson, complain, draw, endQuietly, tell, tellJson } from './tell.ts';
export { table } from './table.ts';
export { usageFault } from './usage.ts';
