import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Who asked for a deed, for the audit log: a command says its user and nobody can check that (Node does not tell whose a connection
 * is); of the page it is the name in the link that let somebody in. And why, where that was said.
 */
export type Asker = { readonly by?: string; readonly way?: 'said' | 'page'; readonly reason?: string };

const asking = new AsyncLocalStorage<Asker | undefined>();

/** Does something as asked by somebody, or by nobody: what is awaited in it goes on as his. */
export function askedBy<T>(asker: Asker | undefined, work: () => T): T {
  return asking.run(asker, work);
}

/** Who asked for what is being done. */
export function whoAsks(): Asker | undefined {
  return asking.getStore();
}

/** A piece of work that is done later, among those of others, as who asks for it now. */
export function asAskedNow<Args extends readonly unknown[], T>(
  work: (...args: Args) => T,
): (...args: Args) => T {
  const asker = whoAsks();
  return (...args) => askedBy(asker, () => work(...args));
}
