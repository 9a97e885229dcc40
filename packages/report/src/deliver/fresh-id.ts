import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const BYTES = 16;

/** A fresh id (hex), unique for a report's whole life: from the kernel itself, since node:crypto takes 3 ms to load. */
export function freshId(): string {
  const bytes = Buffer.alloc(BYTES);
  let file;
  try {
    file = openSync('/dev/urandom', 'r');
  } catch {
    // A container without devices.
    return randomBytes(BYTES).toString('hex');
  }
  try {
    if (readSync(file, bytes) === BYTES) return bytes.toString('hex');
  } finally {
    closeSync(file);
  }
  return randomBytes(BYTES).toString('hex');
}
