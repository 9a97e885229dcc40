import { afterEach } from 'node:test';

const things: { close: () => void }[] = [];

/** Closes a thing when its test has ended, also where that failed: an open socket would keep the process alive. */
export function closing<T extends { close: () => void }>(thing: T): T {
  things.push(thing);
  return thing;
}

afterEach(() => {
  for (const thing of things.splice(0)) thing.close();
});
