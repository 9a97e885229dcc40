/** What the exit of a program tells its caller: from 64 on as sysexits.h has them. Scripts go by these: none changes its number. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 64,
  badAddress: 65,
  noDaemon: 69,
  crashed: 70,
  cannotWrite: 74,
  notNow: 75,
  refused: 77,
  configuration: 78,
} as const;

/** What `status --nagios` ends with, by the state that it says: so monitoring plugins do. */
export const PLUGIN_EXIT = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each of them means, in the words of the reference; `make reference` writes it into the READMEs of the programs. */
export const EXIT_MEANS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'well, or done',
  failed: 'refused, not found, or not as it should be: a person is needed',
  usage: 'wrong usage',
  badAddress: 'no address, or no name',
  noDaemon: 'the daemon does not run on this machine',
  crashed: 'an error that nobody expected',
  cannotWrite: 'nobody can be told any more, or the disk takes nothing',
  notNow: 'not now: trying again later helps',
  refused: "the server, or this host's own rules, will not have it",
  configuration: 'configuration, keys or permissions',
};
