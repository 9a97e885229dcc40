import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Fault, ROOT } from '../say.ts';

/** What `make deploy` is asked to do. */
export type Options = {
  readonly hosts: string;
  readonly limit: readonly string[];
  readonly isDryRun: boolean;
  readonly isAgain: boolean;
  readonly parallel: number;
  readonly canary: number;
  readonly maxFailures: number;
  readonly timeoutSeconds: number;
  readonly hook: string | undefined;
  readonly sshConfig: string | undefined;
  readonly dist: string;
  readonly record: string;
};

const USAGE = `Usage: make deploy HOSTS=FILE [DEPLOY_ARGS="OPTION…"]

FILE has one ssh destination a line, followed by roles (server, client) and groups:
  root@bans.example.org   server client
  web[1-20].example.org   web            # without a role it is a client

  --dry-run           asks every host and says what it would get; changes nothing
  --limit=A,B         only these roles, groups or destinations; * stands for any characters
  --canary=N          moves N hosts first, and goes on when the server has seen them (1)
  --parallel=N        so many hosts at once (8)
  --max-failures=N    begins no further host when more than N failed (2)
  --again             also the hosts that an earlier run has done
  --timeout=SECONDS   for each step on a host (300)
  --hook=FILE         the server's firewall hook, as for server-install.sh
  --ssh-config=FILE   instead of your own ssh configuration`;

/** Reads the options. @throws Fault with what is wrong, or the usage. */
export function readOptions(argv: readonly string[]): Options {
  const asked = parse(argv);
  if (asked.help === true || asked.hosts === undefined || asked.hosts === '') throw new Fault(USAGE);
  return {
    hosts: asked.hosts,
    limit: (asked.limit ?? '').split(',').filter((word) => word !== ''),
    isDryRun: asked['dry-run'] === true,
    isAgain: asked.again === true,
    parallel: number('parallel', asked.parallel, 8, 1),
    canary: number('canary', asked.canary, 1, 0),
    maxFailures: number('max-failures', asked['max-failures'], 2, 0),
    timeoutSeconds: number('timeout', asked.timeout, 300, 1),
    hook: asked.hook,
    sshConfig: asked['ssh-config'],
    dist: asked.dist ?? join(ROOT, 'dist'),
    record: asked.record ?? join(ROOT, 'build/deploy/record.json'),
  };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        hosts: text,
        limit: text,
        'dry-run': flag,
        again: flag,
        parallel: text,
        canary: text,
        'max-failures': text,
        timeout: text,
        hook: text,
        'ssh-config': text,
        dist: text,
        record: text,
        help: flag,
      },
    }).values;
  } catch (error) {
    throw new Fault(`${(error as Error).message}\n\n${USAGE}`, { cause: error });
  }
}

function number(name: string, text: string | undefined, otherwise: number, least: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!/^\d{1,6}$/.test(text) || value < least)
    throw new Fault(`Cannot use --${name}=${text}: it takes a whole number from ${least} on`);
  return value;
}
