import { actionsOf, checkAction, markAction, repairsOf, wordsOfAction } from './requests.ts';
import type { Talk } from './connection.ts';

/**
 * A property that only banshare sets, and nothing reads, of the first action of a jail: a jail that was started anew has
 * actions of its own, without it, while a mere reload keeps it.
 */
const MARK = 'banshare_mark';
/** fail2ban's own check of an action's rules, which makes them anew where they are gone. */
const CHECK = 'consistencyCheck';

/** The action by which a jail is known again, once it is marked; undefined where it has none. @throws TalkError. */
export async function markedAction(
  talk: Talk,
  jail: string,
): Promise<{ action: string; isMarked: boolean } | undefined> {
  const [action] = await actionsOf(talk, jail);
  return action === undefined ? undefined : { action, isMarked: await isMarked(talk, jail, action) };
}

/** Whether a jail is still the one that was marked. @throws TalkError, also where it or its action is gone. */
export async function isMarked(talk: Talk, jail: string, action: string): Promise<boolean> {
  return (await wordsOfAction(talk, jail, action, 'actionproperties')).includes(MARK);
}

/** Makes a jail one that is known again. @throws TalkError. */
export async function mark(talk: Talk, jail: string, action: string): Promise<void> {
  await markAction(talk, jail, action, MARK);
}

/**
 * Has fail2ban look after the rules of a jail, of which nothing shows in its log but where they were gone.
 * @returns how often the jail's rules were made anew since it was started; undefined where fail2ban cannot tell.
 * @throws TalkError.
 */
export async function repairsAfterCheck(talk: Talk, jail: string): Promise<number | undefined> {
  const actions = await actionsOf(talk, jail);
  let repairs: number | undefined = actions.length === 0 ? 0 : undefined;
  for (const action of actions) {
    // An action that is written in Python has no rules to look after.
    if (!(await wordsOfAction(talk, jail, action, 'actionmethods')).includes(CHECK)) continue;
    await checkAction(talk, jail, action, CHECK);
    repairs = (repairs ?? 0) + (await repairsOf(talk, jail, action));
  }
  return repairs;
}
