import { statSync } from 'node:fs';

/** Which start of a program made its socket: each makes its own. Undefined where there is none. */
export function startBehind(socket: string): string | undefined {
  const file = statSync(socket, { throwIfNoEntry: false });
  return file === undefined ? undefined : `${file.ino}:${file.mtimeMs}`;
}
