export { machineAddresses, outsideAddresses, throughLoopback } from './machine/addresses.ts';
export { monotonicSeconds, processSeconds, wallSeconds } from './machine/clock.ts';
export { descriptorLimit, descriptorsLeft } from './machine/descriptors.ts';
export { SteadyClock } from './machine/steady-clock.ts';

export { FaultLog } from './log/fault-log.ts';
export { errorText, type Level, type LogFields } from './log/log-line.ts';
export { openLog, type Log, type LogSettings, type OpenLog } from './log/log.ts';

export { EXIT, PLUGIN_EXIT, type ExitCode } from './process/exit-codes.ts';
export { failpoint } from './process/failpoint.ts';
export { keepPoolAwake } from './process/thread-pool.ts';
export { runProgram, StartFault, type Program, type Resources } from './process/lifecycle.ts';
export { readRunOptions } from './process/run-options.ts';

export { asOwner, becomeOwner, ownerOf, type Owner } from './files/owner.ts';
export { hostPaths, type HostPaths } from './files/paths.ts';
export { openPlain, readPlain } from './files/plain-file.ts';
export {
  isTemporary,
  makePrivateDirectory,
  readPrivate,
  removeUnfinished,
  replaceWhole,
  syncDirectory,
  writeAtomic,
  writePrivate,
} from './files/private-file.ts';
export { tablesVersion } from './files/tables-version.ts';

export { ECHO_NOTE_SECONDS, echoNote, isEchoNoteYoung } from './handover/echo-note.ts';
export { readFleetNote, writeFleetNote, type FleetNote } from './handover/fleet-note.ts';
export { keepMacKey, readMacKey } from './handover/mac-key.ts';
export {
  changeServerNote,
  isMacNoted,
  isServerNoteYoung,
  readServerNote,
  writeServerNote,
  type NotedServer,
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

export { forPeople, jsonForAll, sentenceForPeople } from './people/for-people.ts';
export { nearestName } from './people/near-names.ts';
export { pluginLine, type PluginState } from './people/plugin-line.ts';
export { someOf } from './people/some-of.ts';
export { terminalColumns } from './people/folded.ts';
export { table } from './people/table.ts';
export { parseWords } from './people/parse-words.ts';
export { askPerson, complain, draw, endQuietly, orSayWhy, tell, tellJson } from './people/tell.ts';
export { HEADS } from './people/heads.ts';
export { flagFault, flagsIn, usageFault, type CommandWords } from './people/usage.ts';

export { bakedFleet, version } from './config/baked.ts';
export { fleetInUse, intendedFleet } from './config/fleet-in-use.ts';
export { nodeBuild } from './config/node-build.ts';
export { splitWords } from './config/kinds/command-line.ts';
export { readClientConfig, readServerConfig, type ReadConfig } from './config/config.ts';
export { formatFleet, parseFleet, type Fleet } from './config/fleet.ts';
export {
  formatGenerationFile,
  GENERATION_FILES,
  parseGenerationFile,
  type GenerationFiles,
} from './config/generation-file.ts';
export type { ReadOptions } from './config/option-table.ts';
export {
  clientOptions,
  FAIL2BAN_COMMANDS,
  serverOptions,
  type ClientConfig,
  type ServerConfig,
} from './config/options.ts';
export { Reloader, showReload, type Reloaded } from './config/reload.ts';
export { isAddition } from './config/sources.ts';
export type { Servers } from './config/kinds/kinds.ts';
export { isClearText, url as webAddress, type NotifyTable } from './config/kinds/notify-kinds.ts';
export type { PageAddress } from './config/kinds/page-kinds.ts';
export { metricsWarning } from './config/kinds/metrics-kinds.ts';
export { findServer, type ServerEndpoint } from './config/server-endpoint.ts';
export { formatJoined, parseJoined, type JoinedFleet } from './config/joined.ts';
export { formatToken, parseToken, TOKEN_BEGINS, type JoinToken } from './config/token.ts';

export {
  exposed,
  MEDIA_TYPES,
  type Distribution,
  type Family,
  type Form,
  type Sample,
} from './metrics/exposition.ts';
export { METRICS_CHILD, MetricsDoor } from './metrics/door.ts';
export { Histogram } from './metrics/histogram.ts';
export { METRICS_OPTIONS, writeMetricsFile } from './metrics/metrics-file.ts';
export { measureProgram, programFamilies, type ProgramMeasures } from './metrics/program.ts';
export { serveMetrics } from './metrics/serve-metrics.ts';

export { answerBy, askBy, type AdminRuns, type AdminTable } from './admin/actions.ts';
export {
  DISTRIBUTION,
  oddIn,
  PROGRAM,
  RECEIPT,
  RELOADED,
  type FieldsOf,
  type Shape,
  type ShapeOf,
} from './admin/answers.ts';
export { askAdmin } from './admin/ask.ts';
export type { AdminReply, AdminRequest, AskedRequest } from './admin/protocol.ts';
export { serveAdmin, type AdminService, type AdminSocket } from './admin/socket.ts';
