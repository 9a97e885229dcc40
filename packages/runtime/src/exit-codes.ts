/** What the exit of a program tells its caller: from 64 on as sysexits.h has them. README.md and `banshare-report --help` list them. */
export const EXIT = {
  done: 0,
  /** Refused, not found, or not as it should be: a person is needed. */
  failed: 1,
  usage: 64,
  badAddress: 65,
  noDaemon: 69,
  /** An error that nobody expected. */
  crashed: 70,
  /** Nobody can be told any more, or the disk takes nothing. */
  cannotWrite: 74,
  /** Trying again later helps. */
  notNow: 75,
  /** The server, or this host's own rules, will not have it. */
  refused: 77,
  configuration: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
