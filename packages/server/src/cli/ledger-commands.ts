import { resolve } from 'node:path';
import type { Result } from '@banshare/protocol';
import { complain, EXIT, hostPaths, tell } from '@banshare/runtime';
import type { Command, Words } from './asking/ask-daemon.ts';
import { subcommands } from './asking/subcommands.ts';
import { parseDatabaseUrl } from '../log/database-url.ts';
import { readEverything } from '../setup/read-setup.ts';
import { invite, joinLedger, leaveLedger, moveLedger, type Installation } from './sharing/share-ledger.ts';

/** `ledger`, by which servers come to share one, and part. */
export function ledgerCommands(setCode: (code: number) => void): Command {
  const settle = (result: Result<string>): void => {
    if (result.ok) tell(result.value);
    else complain('banshare-server', result.fault);
    setCode(result.ok ? EXIT.done : EXIT.failed);
  };
  const file = { file: { type: 'string', describe: 'the invitation' } } as const;
  const inner: Command[] = [
    move(settle),
    {
      command: 'invite <file>',
      describe: 'writes what a further server needs into a file; it is as secret as the keys',
      builder: file,
      handler: async (words) => {
        const installation = installationOf(words);
        const ready = await readEverything(String(words.root), installation.config);
        if (ready.ok) settle(invite(installation, ready.config, resolve(String(words['file']))));
        else {
          for (const fault of ready.faults) complain('banshare-server', fault);
          setCode(EXIT.configuration);
        }
      },
    },
    {
      command: 'join <file>',
      describe: 'makes the server of this machine, which is stopped, a further one of an invitation',
      builder: file,
      handler: async (words) =>
        settle(await joinLedger(installationOf(words), resolve(String(words['file'])))),
    },
    {
      command: 'leave',
      describe: 'makes the ledger of this server, which is stopped, one of its own again',
      builder: {},
      handler: async (words) => settle(await leaveLedger(installationOf(words))),
    },
  ];
  return {
    command: 'ledger',
    inner,
    describe: 'lets several servers share one ledger: ledger move, invite, join, leave',
    builder: (parser) => subcommands(inner)(parser).demandCommand(1, 'say move, invite, join or leave'),
    handler: () => undefined,
  };
}

function move(settle: (result: Result<string>) => void): Command {
  return {
    command: 'move <url>',
    describe: 'puts the ledger of the running server into a log of PostgreSQL, which several servers share',
    builder: {
      url: { type: 'string', coerce: urlTyped, describe: 'postgres://HOST,HOST/DATABASE' },
      durability: {
        type: 'string',
        choices: ['standby', 'provider', 'none'],
        default: 'standby',
        describe: 'who keeps a second copy',
      },
      'password-file': { type: 'string', describe: "a file of the server's user, mode 0600" },
    },
    handler: async (words) => {
      const passwordFile = words['password-file'];
      settle(
        await moveLedger(installationOf(words), {
          log: String(words['url']),
          durability: String(words['durability']),
          passwordFile: typeof passwordFile === 'string' ? resolve(passwordFile) : undefined,
        }),
      );
    },
  };
}

/** @throws where it names no log. */
function urlTyped(url: string): string {
  const location = parseDatabaseUrl(url);
  if (!location.ok) throw new Error(`the URL ${location.fault}`);
  return url;
}

function installationOf({ root, config }: Words): Installation {
  const paths = hostPaths(root);
  return { paths, config: typeof config === 'string' ? config : paths.serverConfig };
}
