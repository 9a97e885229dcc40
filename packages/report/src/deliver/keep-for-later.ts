import { wallSeconds } from '@banshare/runtime';
import type { Ending } from '../words/ending.ts';
import { Spool, type Content } from '../spool/spool.ts';
import { freshId } from './fresh-id.ts';

/** What the spool holds where no configuration says otherwise. */
const MOST = 10_000;

/**
 * Keeps what cannot be reported because client.toml has a fault, with the ending that says so: the client goes on with what it read before,
 * and a slip in that file must not have every ban of the meantime be known on this host alone.
 */
export function keepForLater(content: Content, spool: string, { code, says = '' }: Ending): Ending {
  const fault = keepIn(spoolAsUsual(spool), content);
  if (fault === undefined)
    return { code, says: `${says}\nthe report is kept in the spool, and sent once that is mended` };
  return { code, says: `${says}\nthe report cannot be kept in the spool either: ${fault}` };
}

/** The spool of a host whose configuration cannot be read. */
export function spoolAsUsual(folder: string): Spool {
  return new Spool(folder, MOST);
}

/** Keeps what is new; returns why that cannot be. */
export function keepIn(spool: Spool, content: Content): string | undefined {
  try {
    spool.keep({ id: freshId(), at: wallSeconds(), ...content });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
