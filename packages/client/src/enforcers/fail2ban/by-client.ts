import type { Ended } from '../../host/exec.ts';
import type { Enforcer } from '../enforcer.ts';
import { type Asking, type FirewallProof, type Mark, unprovenSays, withUnseen } from './firewall-proof.ts';
import type { Change, Effect } from '../../bans/change.ts';
import { itemsIn } from '../../fail2ban/client.ts';

/** Runs fail2ban's client with these words behind its own. */
export type RunClient = (words: readonly string[]) => Promise<Ended>;

/** Asks by fail2ban's client, a process for each question. */
function askingBy(run: RunClient): Asking {
  const ask = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(words);
    if (code !== 0) throw new Error(`fail2ban-client ${words.slice(0, 3).join(' ')}: ${stderr.trim()}`);
    return stdout.trim();
  };
  const named = async (...words: string[]): Promise<string[]> =>
    (await ask(...words))
      .split('\n')
      .slice(1)
      .join(' ')
      .split(/[\s,]+/)
      .filter((name) => name !== '');
  return {
    actions: async (jail) => {
      const actions: string[] = [];
      for (const action of await named('get', jail, 'actions')) {
        if ((await named('get', jail, 'actionmethods', action)).includes('executeCmd')) actions.push(action);
      }
      return actions;
    },
    succeeds: async (jail, action, command, timeoutSeconds) => {
      const how = JSON.stringify({ realCmd: command, timeout: timeoutSeconds });
      return (await ask('set', jail, 'action', action, 'executeCmd', how)) === 'True';
    },
    isBanned: async (jail, ip) => (await ask('get', jail, 'banip')).split(/\s+/).includes(ip),
    change: async (jail, verb, ip) => void (await ask('set', jail, verb, ip)),
    logTarget: async () => itemsIn(await ask('get', 'logtarget'))[0] ?? '',
  };
}

/** For a command of fail2ban's client: what it says that it banned is looked for in the firewall, as over the socket. */
export function provenByClient(
  enforcer: Enforcer,
  { run, proof, missingJail }: { run: RunClient; proof: FirewallProof; missingJail: string },
): Enforcer {
  const asking = askingBy(run);
  const begin = (): Promise<Mark | undefined> => proof.begin(asking).catch(() => undefined);
  return {
    ...enforcer,
    carryOut: async (changes) => {
      const mark = changes.some(({ kind }) => kind === 'ban') ? await begin() : undefined;
      const effects = await enforcer.carryOut(changes);
      if (mark === undefined) return effects;
      const pairs = changes.map((change, index): [Change, Effect] => [change, effects[index] as Effect]);
      const taken = pairs.filter(([{ kind }, { outcome }]) => kind === 'ban' && outcome !== 'failed');
      const seen = new Map(pairs);
      for (const [jail, all] of Map.groupBy(taken, ([, { localJail }]) => localJail)) {
        // A fail2ban that does not answer now has said before that it banned.
        const unseen = await proof
          .unseen(
            asking,
            mark,
            jail,
            all.map(([{ ip }]) => ip),
          )
          .catch((error: Error) => new Map(all.map(([{ ip }]) => [ip, error.message])));
        for (const [change, effect] of all) seen.set(change, withUnseen(effect, unseen.get(change.ip)));
      }
      return changes.map((change) => seen.get(change) as Effect);
    },
    isProven: async (jail, ip) => {
      if ((await begin()) === undefined) return false;
      return proof.isSeen(asking, jail, ip).catch(() => false);
    },
    unproven: async () => {
      if ((await begin()) === undefined) return [];
      const reason = await proof.prove(asking, missingJail).catch(() => '');
      const all = proof.failing();
      if (reason !== '') all.set(missingJail, reason);
      return [...all].map(([jail, why]) => unprovenSays(jail, why));
    },
  };
}
