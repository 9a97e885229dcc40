import { askBy, complain, EXIT, hostPaths, tell, tellJson } from '@banshare/runtime';
import { OUTSIDE_ACTIONS, type Tested } from '../outside/actions.ts';
import type { Health } from '../outside/speaker.ts';
import { time } from '../words/phrases.ts';
import type { Command } from './asking/ask-daemon.ts';

/** A mail server may take its time, and each receiver is tried at once with the others. */
const PATIENCE_MS = 60_000;

/** Who is told, and whether that works. */
export function notifyCommand(setCode: (code: number) => void): Command {
  return {
    command: 'notify',
    describe: 'who gets messages, and when each got the last one',
    builder: {
      test: {
        type: 'boolean',
        default: false,
        describe: 'sends each a test; exit 1 where one did not get it',
      },
    },
    handler: async ({ root, json, test }) => {
      const command = test === true ? 'test' : 'receivers';
      const reply = await askBy(OUTSIDE_ACTIONS, hostPaths(root).messagesSocket, { command }, PATIENCE_MS);
      if (!reply.ok) {
        const isAbsent = reply.code === 'no-daemon';
        const how = isAbsent
          ? 'banshare-outside does not run: systemctl enable --now banshare-outside'
          : reply.reason;
        complain('banshare-server', how);
        return setCode(isAbsent ? EXIT.noDaemon : EXIT.failed);
      }
      if (json) tellJson(reply.result);
      if (command === 'test') {
        const { receivers } = reply.result as { receivers: Tested[] };
        if (!json) tell(showTested(receivers));
        return setCode(receivers.every(({ fault }) => fault === null) ? EXIT.done : EXIT.failed);
      }
      const { receivers, deadMan } = reply.result as { receivers: Health[]; deadMan: Health | null };
      const all = [...receivers, ...(deadMan === null ? [] : [deadMan])];
      if (!json) tell(all.length === 0 ? NOBODY : all.map(showHealth).join('\n'));
      setCode(all.every(({ failingSince }) => failingSince === null) ? EXIT.done : EXIT.failed);
    },
  };
}

const NOBODY = 'Nobody gets messages: [[notify]] in server.toml names who shall.';

function showTested(receivers: readonly Tested[]): string {
  if (receivers.length === 0) return NOBODY;
  return receivers
    .map(({ name, fault }) => (fault === null ? `${name}: sent` : `${name}: FAILED: ${fault}`))
    .join('\n');
}

function showHealth({ name, lastSent, failingSince, why }: Health): string {
  const last = lastSent === null ? 'nothing sent yet' : `last at ${time(lastSent)}`;
  return failingSince === null
    ? `${name}: ${last}`
    : `${name}: FAILED since ${time(failingSince)}: ${why}; ${last}`;
}
