import { resolve } from 'node:path';
import type { Result } from '@banshare/protocol';
import { complain, EXIT, hostPaths, PLUGIN_EXIT, showReload, tell } from '@banshare/runtime';
import { askServer, type Ask, type Command, type Words } from './asking/ask-daemon.ts';
import { backupCommand } from './backup-command.ts';
import { restore } from './backup/backup.ts';
import { metricsCommand } from './metrics-command.ts';
import { notifyCommand } from './notify-command.ts';
import { serverPlugin } from './show/plugin.ts';
import { showStatus } from './show/show-status.ts';
import { readEverything } from '../setup/read-setup.ts';
import { isDrilled, type DrillTime } from '../words/drill.ts';
import { showDrill } from './show/show.ts';
import { REASON } from './asking/words-of.ts';
import type { Status } from '../operator/status.ts';

/** The commands that care for the server itself. */
export function careCommands(ask: Ask, setCode: (code: number) => void): Command[] {
  return [
    {
      command: 'status',
      describe: 'how the fleet is; exit 1 when a person is needed',
      builder: {
        urgent: { type: 'boolean', default: false, describe: 'exit 1 only for what cannot wait' },
        nagios: {
          type: 'boolean',
          default: false,
          describe:
            'one line and figures, as a monitoring plugin: exit 2 urgent or not running, 1 to do, 3 unknown',
        },
      },
      handler: async (words) => {
        if (words['nagios'] === true) return setCode(await asPlugin(words));
        const judge = ({ urgent, todo }: Status): number =>
          urgent.length + (words['urgent'] === true ? 0 : todo.length) > 0 ? EXIT.failed : EXIT.done;
        return ask(words, { command: 'status' }, showStatus, judge);
      },
    },
    metricsCommand(ask, setCode),
    notifyCommand(setCode),
    {
      command: 'drill',
      describe: 'bans a test address everywhere, and says what each host made of it and how fast',
      builder: { reason: REASON },
      handler: (words) => {
        const show = ({ ip, hosts }: { ip: string; hosts: DrillTime[] }): string => showDrill(ip, hosts);
        const judge = ({ hosts }: { hosts: DrillTime[] }): number =>
          hosts.every(isDrilled) ? EXIT.done : EXIT.failed;
        return ask(words, { command: 'drill' }, show, judge);
      },
    },
    {
      command: 'reload',
      describe: 'takes over what was changed in server.toml and server.d, all of it or nothing',
      builder: { reason: REASON },
      handler: (words) => ask(words, { command: 'reload' }, showReload),
    },
    backupCommand(setCode),
    restoreCommand(setCode),
  ];
}

/** Says how the server is to Nagios, Icinga and their kin. */
async function asPlugin({ root, urgent }: Words): Promise<number> {
  const reply = await askServer(root, { command: 'status' });
  const { state, line } = serverPlugin(reply, { urgentOnly: urgent === true });
  tell(line);
  return PLUGIN_EXIT[state];
}

function restoreCommand(setCode: (code: number) => void): Command {
  return {
    command: 'restore [file]',
    describe: 'what a backup holds, on this machine, with a new epoch',
    builder: {
      file: { type: 'string', describe: 'a backup' },
      'from-replica': {
        type: 'boolean',
        default: false,
        describe: "begins the servers' shared log anew with the replica of this machine",
      },
      force: {
        type: 'boolean',
        default: false,
        describe: 'also a replica that is not ahead, or lacks what the log has',
      },
    },
    handler: async (words) => {
      const { root, file: path } = words;
      const isFromReplica = words['from-replica'] === true;
      if (isFromReplica === (typeof path === 'string') || (words['force'] === true && !isFromReplica)) {
        complain('banshare-server', 'say restore FILE, or restore --from-replica, that with --force or not');
        setCode(EXIT.usage);
      } else if (isFromReplica) setCode(await fromReplica(words));
      else setCode(settle(await restore(hostPaths(root), resolve(String(path)))));
    },
  };
}

async function fromReplica({ root, config, force }: Words): Promise<number> {
  const ready = await readEverything(root, typeof config === 'string' ? config : undefined);
  if (!ready.ok) {
    for (const fault of ready.faults) complain('banshare-server', fault);
    return EXIT.configuration;
  }
  if (ready.log === undefined) {
    complain(
      'banshare-server',
      'Cannot restore from a replica: this server shares no log; banshare-server restore FILE lays a backup',
    );
    return EXIT.failed;
  }
  const { restoreFromReplica } = await import('./sharing/from-replica.ts');
  return settle(await restoreFromReplica(hostPaths(root), ready.log, force === true));
}

function settle(result: Result<string>): number {
  if (result.ok) tell(result.value);
  else complain('banshare-server', result.fault);
  return result.ok ? EXIT.done : EXIT.failed;
}
