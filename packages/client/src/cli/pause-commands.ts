import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ClientConfig,
  EXIT,
  fleetInUse,
  findServer,
  hostPaths,
  openLog,
  wallSeconds,
} from '@banshare/runtime';
import { Applier, type ApplyParts } from '../apply/apply.ts';
import { buildEnforcers } from '../host-enforcer/build.ts';
import { hostEnforcer } from '../host-enforcer/host-enforcer.ts';
import { SharedBans } from '../host/shared-bans.ts';
import { askDaemon } from './ask-daemon.ts';
import { Notes } from '../host/echo-notes.ts';
import { changeEnforcers } from '../enforcer-change/begin.ts';
import { pause, resume } from '../decide/pause.ts';
import { ServerAddresses } from '../protection/server-addresses.ts';
import { Protection, THIS_MACHINE } from '../protection/protect.ts';
import { STATE_FILE, State } from '../bans/state.ts';
import { tellEffect } from '../apply/outcome.ts';
import { resumePending } from '../apply/expiry.ts';
import { choiceOf, type DecideParts } from '../decide/parts.ts';
import { readEnrolled } from '../identity/key-files.ts';
import { mostActive } from '../decide/max-active.ts';
import type { Paused } from '../admin/actions.ts';

/** What a command has to say, and its exit code. */
export type Said = { code: number; lines: string[] };

const ASK_MS = 60_000;

/**
 * `pause` and `resume`: the running daemon does it; where none runs it is recorded here, and what banshare put in place is
 * lifted by this very process: the way back in from a console must not depend on a daemon.
 */
export async function pauseOrResume(
  which: 'pause' | 'resume',
  root: string,
  config: ClientConfig,
): Promise<Said> {
  const reply = await askDaemon(hostPaths(root), { command: which }, ASK_MS);
  if (reply.ok) return said(which, reply.result as Paused, '');
  if (reply.code !== 'no-daemon') return { code: EXIT.failed, lines: [reply.reason] };
  const done = await without(which, root, config);
  return said(which, done, 'banshare-client does not run on this host: this was done without it. ');
}

function said(which: 'pause' | 'resume', { bans, left }: Paused, how: string): Said {
  if (which === 'resume') {
    const when = how === '' ? '' : ' when it starts';
    const done = left > 0 ? `${bans - left} of the ${bans} bans that were kept back` : counted(bans);
    const rest = left > 0 ? `, and the others follow` : '';
    return {
      code: EXIT.done,
      lines: [`${how}Resumed: ${done} ${bans === 1 ? 'is' : 'are'} applied again${when}${rest}.`],
    };
  }
  const lines = [
    `${how}Paused: ${counted(bans - left)} of banshare ${bans - left === 1 ? 'is' : 'are'} lifted, and none is applied until banshare-client resume.`,
  ];
  if (left > 0)
    lines.push(
      `${left} are not lifted yet, and are tried again while the client runs: see banshare-client bans.`,
    );
  return { code: left > 0 ? EXIT.failed : EXIT.done, lines };
}

function counted(bans: number): string {
  return `${bans} ${bans === 1 ? 'ban' : 'bans'}`;
}

/** The same without a daemon. @throws when the state cannot be used. */
async function without(which: 'pause' | 'resume', root: string, config: ClientConfig): Promise<Paused> {
  const paths = hostPaths(root);
  const log = await openLog({ ...config.log, level: 'warning' });
  const state = new State(paths.clientState);
  try {
    const notes = new Notes(paths.notes, new SharedBans(paths.sharedBans, wallSeconds));
    const enforcerHost = { paths, log, notes };
    const enforcer = hostEnforcer(buildEnforcers(config, enforcerHost), config, enforcerHost);
    const { concurrency } = config.apply;
    const maxActive = mostActive(config);
    const settled: ApplyParts['settled'] = (row, effect) => void tellEffect(state, row, effect);
    const applier = new Applier({ state, enforcer, concurrency, log, now: wallSeconds, settled });
    const fault = (_key: string, text: string): void => {
      log.warning(text);
    };
    const serverEndpoint = findServer(config, fleetInUse(paths));
    const server = new ServerAddresses(serverEndpoint.ok ? serverEndpoint.value.servers : [], paths);
    const protection = new Protection({ config, paths, machine: THIS_MACHINE, server, fault });
    const key = readEnrolled(paths);
    const choice = choiceOf(config, state, protection, key.ok ? key.value.name : undefined);
    const nothing = (): void => undefined;
    const parts: DecideParts = {
      state,
      choice,
      now: wallSeconds,
      queue: nothing,
      isUnderWay: () => true,
      skipped: nothing,
      maxActive,
    };
    // What is to be applied again waits in the state for the daemon.
    if (which === 'resume') return { bans: await resume(parts), left: 0 };
    const left = await changeEnforcers(config, enforcerHost, parts, applier);
    const bans = await pause(parts);
    await resumePending(state, applier);
    await applier.idle();
    await left.look();
    return { bans, left: state.keptByPause.stillToLift };
  } finally {
    state.close();
  }
}

/** Since when this host is paused, where no daemon can be asked; undefined where it is not, or where that cannot be seen. */
export function pausedWithout(clientState: string): number | undefined {
  if (!existsSync(join(clientState, STATE_FILE))) return undefined;
  try {
    const state = new State(clientState);
    try {
      return state.pausedAt();
    } finally {
      state.close();
    }
  } catch {
    // Another user's, or a newer program's: diagnosing that is not the matter here.
    return undefined;
  }
}
