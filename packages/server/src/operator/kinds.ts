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
    'alone-among-servers',
    'lacking-generation',
  ],
} as const;

/** A word for programs that stays the same. */
export type AttentionKind = (typeof KINDS)[keyof typeof KINDS][number];
