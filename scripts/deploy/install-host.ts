import { Fault } from '../say.ts';
import type { Role } from './hosts-file.ts';
import type { Installer, InstallersToSend } from './installers-to-send.ts';
import { answersIn, ASK, installScript, MAKE_FOLDER, removeScript } from './remote-scripts.ts';
import type { LeftBehind } from './left-behind.ts';
import { UNREACHABLE, type Ended, type Remote } from './remote.ts';

/** One role of one destination. */
export type Task = { readonly destination: string; readonly role: Role };

/** What became of a task; `name` is the host's name in the fleet. */
export type Outcome = Task & {
  readonly how: 'installed' | 'already' | 'would' | 'waiting' | 'unreachable' | 'failed';
  readonly name: string;
  readonly words: string;
};

/** What a host says that is worth a file of its own. */
export type Saying = (task: Task, said: string) => void;

/** Asks the host what it has, brings the installer that fits and runs it there. */
export async function installHost(
  task: Task,
  how: {
    remote: Remote;
    installers: InstallersToSend;
    left: LeftBehind;
    isDryRun: boolean;
    step: (words: string) => void;
    said: Saying;
  },
): Promise<Outcome> {
  const began = performance.now();
  let folder: string | undefined;
  try {
    how.step('asking');
    const asked = answersIn((await succeed(how.remote.run(task.destination, ASK))).out);
    if (asked.has('noroot')) throw new Fault('the user is neither root nor may run sudo without a password');
    const installer = how.installers.choose(task.role, asked.get('machine') ?? '', (file) => asked.get(file));
    const words = `${installer.name}, ${installer.megabytes} MB`;
    if (how.isDryRun) return { ...task, how: 'would', name: '', words };
    folder = await makeFolder(how.remote, task);
    how.left.note(task.destination, folder);
    how.step('copying');
    const flags = await bring(how, task, installer, folder);
    how.step('installing');
    const running = how.remote.run(task.destination, installScript(folder, flags));
    // From here on its own script removes it.
    how.left.forget(task.destination, folder);
    folder = undefined;
    const ran = await running;
    how.said(task, ran.said);
    if (ran.code !== 0) return failure(task, ran);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const name = answersIn(ran.out).get('name') ?? '';
    return { ...task, how: 'installed', name, words: `${words}, ${seconds} s` };
  } catch (error) {
    if (error instanceof Failed) return failure(task, error.ended);
    if (error instanceof Fault) return { ...task, how: 'failed', name: '', words: error.message };
    throw error;
  } finally {
    if (folder !== undefined) {
      await how.remote.run(task.destination, removeScript(folder));
      how.left.forget(task.destination, folder);
    }
  }
}

async function makeFolder(remote: Remote, { destination }: Task): Promise<string> {
  const made = await succeed(remote.run(destination, MAKE_FOLDER));
  const folder = answersIn(made.out).get('folder') ?? '';
  // It becomes a word of a script.
  if (!/^\/[\w./@+-]+$/.test(folder))
    throw new Fault(`its folder for the installer cannot be used: "${folder}"`);
  return folder;
}

/** Copies what the role needs; returns the installer's options. */
async function bring(
  { remote, installers }: { remote: Remote; installers: InstallersToSend },
  { destination, role }: Task,
  installer: Installer,
  folder: string,
): Promise<string> {
  await succeed(remote.copy(destination, installer.path, `${folder}/install.sh`));
  if (role !== 'server' || installers.hook === undefined) return '';
  await succeed(remote.copy(destination, installers.hook, `${folder}/hook`));
  return `--hook ${folder}/hook`;
}

class Failed extends Error {
  readonly ended: Ended;

  constructor(ended: Ended) {
    super('a step failed');
    this.ended = ended;
  }
}

async function succeed(running: Promise<Ended>): Promise<Ended> {
  const ended = await running;
  if (ended.code !== 0) throw new Failed(ended);
  return ended;
}

function failure(task: Task, { code, out, said }: Ended): Outcome {
  // The server may know this host nevertheless.
  const name = answersIn(out).get('name') ?? '';
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('banshare-deploy '));
  const last = lines
    .slice(-3)
    .map((line) => line.trim())
    .join('; ');
  if (code === null) return { ...task, how: 'failed', name, words: `took too long: ${last}` };
  const how = code === UNREACHABLE ? 'unreachable' : 'failed';
  return { ...task, how, name, words: last === '' ? `ended with ${code}` : last };
}
