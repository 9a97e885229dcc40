import { OPERATOR_HOST, quote } from '@banshare/protocol';
import { nearestName } from '@banshare/runtime';
import type { HostBook } from './hosts.ts';

type Known = Pick<HostBook, 'all' | 'byName' | 'like'>;

/** In words that no host is called so, with the name that was probably meant. */
export function noHost(name: string, book: Known): string {
  const near = book.like(name)?.name ?? nearestName(name, namesIn(book));
  const meant = near === undefined ? ':' : `: did you mean ${near}?;`;
  return `no host is called ${quote(name)}${meant} see banshare-server hosts`;
}

/** The same where something is looked for by the name of a host, which an operator's deeds have too; undefined where it is known. */
export function ifNoHost(name: string | undefined, book: Known): string | undefined {
  const isKnown = name === undefined || name === OPERATOR_HOST || book.byName(name) !== undefined;
  return isKnown ? undefined : noHost(name, book);
}

function namesIn(book: Known): string[] {
  return book.all().map(({ name }) => name);
}
