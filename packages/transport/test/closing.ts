import { afterEach } from 'node:test';
import { openServer as openDoor } from './doors.ts';

const things: { close: () => void }[] = [];

/** Closes a thing when its test has ended, also where that failed: an open socket would keep the process alive. */
export function closing<T extends { close: () => void }>(thing: T): T {
  things.push(thing);
  return thing;
}

afterEach(() => {
  for (const thing of things.splice(0)) thing.close();
});

/** A server as openServer() of doors.ts opens it, until the test has ended. */
export async function openServer(...how: Parameters<typeof openDoor>): ReturnType<typeof openDoor> {
  return closing(await openDoor(...how));
}
