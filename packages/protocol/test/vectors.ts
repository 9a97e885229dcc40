import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';

/** Reads one file of the vectors that encoder, decoder and specification share; its shape is the caller's word. */
export function vectors<T>(name: string): T {
  const file = new URL(`vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
