import { resolve } from 'node:path';
import { asOwner, complain, EXIT, hostPaths, readServerConfig, tell } from '@banshare/runtime';
import type { Command, Words } from './asking/ask-daemon.ts';
import { backUpAsConfigured, backUpByHand } from './backup/daily.ts';

/** `backup`: to a file that somebody names, or without one as [backup] in server.toml says. */
export function backupCommand(setCode: (code: number) => void): Command {
  return {
    command: 'backup [file]',
    describe: 'everything of the running server in one file: ledger, hosts, keys, server.toml',
    builder: {
      file: { type: 'string', describe: 'without it the backup is made as [backup] in server.toml says' },
      scheduled: {
        type: 'boolean',
        default: false,
        describe: 'as the timer: says and does nothing where [backup] wants none',
      },
    },
    handler: async (words) => setCode(await backup(words)),
  };
}

async function backup(words: Words): Promise<number> {
  const { file, scheduled } = words;
  const paths = hostPaths(words.root);
  if (typeof file === 'string' && scheduled === true)
    return refuse('say backup FILE, or backup --scheduled for what [backup] in server.toml wants');
  if (typeof file === 'string') return settle(await backUpByHand(paths, resolve(file)));
  const { config } = words;
  const path = typeof config === 'string' ? config : undefined;
  const read = await asOwner(paths.generations, () =>
    readServerConfig(path ?? paths.serverConfig, { mustExist: path !== undefined }),
  );
  if (!read.ok) {
    for (const fault of read.faults) complain('banshare-server', fault);
    return EXIT.configuration;
  }
  const wanted = read.config.backup;
  if ((wanted.to ?? wanted.command) !== undefined) return settle(await backUpAsConfigured(paths, wanted));
  if (scheduled === true) return EXIT.done;
  return refuse(
    'name a file that is not there yet (backup FILE), or a folder or command in server.toml: [backup] to = "/var/backups/banshare"',
  );
}

function refuse(how: string): number {
  complain('banshare-server', how);
  return EXIT.usage;
}

function settle(made: Awaited<ReturnType<typeof backUpAsConfigured>>): number {
  if (made.ok) tell(made.value);
  else complain('banshare-server', made.fault);
  if (made.isWithoutDaemon === true) return EXIT.noDaemon;
  return made.ok ? EXIT.done : EXIT.failed;
}
