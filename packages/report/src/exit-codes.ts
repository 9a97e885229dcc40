/** What banshare-report's exit tells its caller (after sysexits.h; README.md lists them). */
export const EXIT = {
  done: 0,
  usage: 64,
  badAddress: 65,
  notNow: 75,
  refused: 77,
  configuration: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The end of one report: its exit code and the sentence for stderr, if there is something to say. */
export type Ending = { code: ExitCode; says?: string };
