import { after } from 'node:test';
import { openServer as openDoor } from './doors.ts';

/** Closes a thing when the test that calls this has ended, also where it failed: an open socket would keep the process alive. */
export function closing<T extends { close: () => void }>(thing: T): T {
  after(() => thing.close());
  return thing;
}

/** A server as openServer() of doors.ts opens it, until the test has ended. */
export async function openServer(...how: Parameters<typeof openDoor>): ReturnType<typeof openDoor> {
  return closing(await openDoor(...how));
}
