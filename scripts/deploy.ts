// Brings the generation in certs/ to the whole fleet: servers first, a canary, then the other hosts side by side, with the
// system's own ssh and scp. What the server says at the end is what counts, not what ssh said.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { forPeople } from '@banshare/runtime';
import { limitTo, parseHosts, type Target } from './deploy/hosts-file.ts';
import { installHost, type Outcome, type Task } from './deploy/install-host.ts';
import { InstallersToSend } from './deploy/installers-to-send.ts';
import { readOptions, type Options } from './deploy/options.ts';
import { LeftBehind } from './deploy/left-behind.ts';
import { Progress, titleOf } from './deploy/progress.ts';
import { Record } from './deploy/record.ts';
import { Remote } from './deploy/remote.ts';
import { askAll, isFailure, rollOut, tasksOf } from './deploy/roll-out.ts';
import { ServerView, type KnownHost } from './deploy/server-view.ts';
import { showStandings, showUnseen, standingsOf } from './deploy/summary.ts';
import { complain, Fault, orExit, tell } from './say.ts';

/** A host that was restarted speaks within seconds. */
const SEEN_WITHIN_SECONDS = 60;

await orExit(async () => {
  const options = readOptions(process.argv.slice(2));
  const all = parseHosts(readHosts(options.hosts));
  const servers = all.filter(({ roles }) => roles.includes('server'));
  if (servers.length === 0)
    throw new Fault(
      `Cannot deploy: no line of "${options.hosts}" has the role server, which says at the end who is where`,
    );
  const targets = options.limit.length === 0 ? all : limitTo(all, options.limit);
  using installers = new InstallersToSend(options.dist, options.hook);
  const remote = new Remote(options.sshConfig, options.timeoutSeconds);
  const left = new LeftBehind(remote);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      stopping.abort();
      void stopNow({ installers, left }, signal);
    });
  const view = new ServerView(
    remote,
    servers.map(({ destination }) => destination),
  );
  await deploy(options, targets, { installers, remote, left, view, stopping: stopping.signal });
});

type Parts = {
  installers: InstallersToSend;
  remote: Remote;
  left: LeftBehind;
  view: ServerView;
  stopping: AbortSignal;
};

async function deploy(options: Options, targets: readonly Target[], parts: Parts): Promise<void> {
  const { installers, view } = parts;
  const { generation } = installers;
  const tasks = tasksOf(targets);
  const record = new Record(options.record);
  const progress = new Progress(tasks.length);
  progress.say(`Generation ${generation}: ${tasks.length} installations`);
  const carryOut = carryOutWith(options, parts, record, progress);
  if (options.isDryRun) {
    const outcomes = await askAll(tasks, { ...options, carryOut });
    progress.end();
    tell('Nothing was changed.');
    process.exitCode = outcomes.every(({ how }) => how === 'would' || how === 'already') ? 0 : 1;
    return;
  }
  const outcomes = await rollOut(tasks, {
    ...options,
    carryOut,
    confirm: async ({ name, destination }) => {
      if (!(await view.untilOn(generation, [name], SEEN_WITHIN_SECONDS)).has(name))
        throw new Fault(`the server does not see the canary ${destination} on this generation`);
    },
    afterServers: async () => {
      for (const fault of await view.serves(generation)) progress.say(fault);
    },
  });
  progress.end();
  await summarize(outcomes, { ...parts, record });
}

function carryOutWith(options: Options, parts: Parts, record: Record, progress: Progress) {
  const { installers, remote, left, stopping } = parts;
  const logs = join(dirname(options.record), 'logs');
  return async (task: Task): Promise<Outcome> => {
    // Nothing is begun any more, and what has ended since is not told: the process ends in a moment.
    if (stopping.aborted) return new Promise(() => undefined);
    const { destination, role } = task;
    const sha256 = installers.sha256(role);
    const name = options.isAgain ? undefined : record.nameIfDone(destination, role, sha256);
    if (name !== undefined)
      return finish(progress, { ...task, how: 'already', name, words: '--again does it once more' });
    const outcome = await installHost(task, {
      remote,
      installers,
      left,
      isDryRun: options.isDryRun,
      step: (words) => progress.step(task, words),
      said: (_, text) => keepLog(logs, task, text),
    });
    if (outcome.how === 'installed') record.note(destination, role, { sha256, name: outcome.name });
    return finish(progress, outcome);
  };
}

function finish(progress: Progress, outcome: Outcome): Outcome {
  progress.finish(outcome);
  return outcome;
}

/** What the installer said, with what is still to do on the host. */
function keepLog(folder: string, task: Task, text: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, `${titleOf(task).replace(/[^\w.@-]+/g, '_')}.log`), forPeople(text));
}

async function summarize(outcomes: readonly Outcome[], parts: Parts & { record: Record }): Promise<void> {
  const { generation } = parts.installers;
  const hosts = await askWhereabouts(outcomes, parts);
  if (typeof hosts === 'string') {
    for (const line of showUnseen(outcomes, hosts)) tell(line);
    process.exitCode = 1;
    return;
  }
  const standings = standingsOf(outcomes, hosts, generation);
  for (const line of showStandings(standings, hosts, generation)) tell(line);
  const left = standings.filter(({ isThere, outcome }) => !isThere || isFailure(outcome));
  for (const { outcome } of left) parts.record.forget(outcome.destination, outcome.role);
  if (left.length === 0) return;
  tell(`${left.length} left: the same command goes on with them.`);
  process.exitCode = 1;
}

/** What the server says when all that are done have spoken, or their time is over; else why it cannot be asked. */
async function askWhereabouts(
  outcomes: readonly Outcome[],
  { view, installers }: Parts,
): Promise<KnownHost[] | string> {
  const done = outcomes.filter(
    ({ how, role }) => role === 'client' && (how === 'installed' || how === 'already'),
  );
  const names = done.map(({ name }) => name).filter((name) => name !== '');
  try {
    await view.untilOn(installers.generation, names, SEEN_WITHIN_SECONDS);
    return await view.hosts();
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

function readHosts(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Fault(`Cannot read the list of hosts "${path}": ${(cause as Error).message}`, { cause });
  }
}

/** What runs on hosts ends by itself there, and removes its installer; one that does not run yet is removed from here. */
async function stopNow(
  { installers, left }: { installers: InstallersToSend; left: LeftBehind },
  signal: NodeJS.Signals,
): Promise<never> {
  installers[Symbol.dispose]();
  const undone = await left.removeAll();
  if (undone.length > 0)
    complain(
      `\nCannot remove the installer from ${undone.join(', ')}: the next deploy does, or you: .banshare-deploy.*`,
    );
  complain(`\nStopped by ${signal}; the same command goes on where this one was.`);
  process.exit(signal === 'SIGINT' ? 130 : 143);
}
