/**
 * Every kind of thing that a person may have to know, by its level: attention.ts says which there are now. Alarms go by these words,
 * so that none changes; a new one gets its row here, and those of urgent kinds a rule in installers/monitoring.
 */
export const KINDS = {
  urgent: [
    'cannot-commit',
    'replica-stopped',
    'no-generation',
    'cannot-publish',
    'older-ledger',
    'hosts-not-in-place',
    'host-banned',
    'never-ban-banned',
    'ban-rate',
    'frozen',
    'drill-missed',
  ],
  'to-do': [
    'log-unreplicated',
    'server-clock',
    'started-over',
    'frozen',
    'never-ban-all',
    'held-newcomer',
    'held-block',
    'held',
    'enrolment-braked',
    'paused',
    'failing',
    'full',
    'blind',
    'unproven',
    'behind',
    'wrong-clock',
    'doubled',
    'pending',
    'renamed',
    'clock',
    'lacking',
    'drill-missed',
    'drill-slow',
    'drill-late',
    'needs-restart',
    'messages-silent',
    'messages-failing',
    'alone-among-servers',
    'lacking-generation',
    'backup-failed',
    'backup-late',
    'old-node',
    'enrichment-broken',
  ],
} as const;

/** A word for programs that stays the same. */
export type AttentionKind = (typeof KINDS)[keyof typeof KINDS][number];

/** Said by the process outside and not by status: the server itself answers nobody. */
export const SERVER_SILENT = 'server-silent';

/** What is so of one server, whichever of several speaks for the fleet. */
const OF_THIS_SERVER: ReadonlySet<string> = new Set([
  SERVER_SILENT,
  'cannot-commit',
  'cannot-publish',
  'replica-stopped',
  'no-generation',
  'older-ledger',
  'server-clock',
  'clock',
  'log-unreplicated',
  'alone-among-servers',
  'lacking-generation',
  'needs-restart',
  'messages-silent',
  'messages-failing',
  'backup-failed',
  'backup-late',
  'enrichment-broken',
] satisfies (AttentionKind | typeof SERVER_SILENT)[]);

/** Whether only this server can say something of a kind. */
export function isOfThisServer(code: string): boolean {
  return OF_THIS_SERVER.has(code);
}
