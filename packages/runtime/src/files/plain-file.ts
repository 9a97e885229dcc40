import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/**
 * Opens a plain file to read, and nothing else: no link unless it may follow one, no FIFO that would wait for ever, no device. Whoever may write the folder
 * must not have this process read what he could not: see owner.ts. @throws where it is none, or the system's error.
 */
export function openPlain(path: string, { mayFollow = false } = {}): number {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = openSync(path, O_RDONLY | O_NONBLOCK | (mayFollow ? 0 : O_NOFOLLOW));
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new Error(`Cannot read ${path}: it is no plain file`);
}

/** Reads a plain file as openPlain() opens it. @throws where it is none, or the system's error. */
export function readPlain(path: string): Buffer {
  const file = openPlain(path);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
