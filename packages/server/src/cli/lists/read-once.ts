import { createReadStream } from 'node:fs';

/** More than any list of bans; less than what would leave this machine without memory. */
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * Reads a file to its end, once and from one opening, so that a pipe loses nothing; "-" is standard input.
 * @throws the system's error, or one that says that it is too long.
 */
export async function readOnce(path: string): Promise<Buffer> {
  const stream = path === '-' ? process.stdin : createReadStream(path);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES / 1024 / 1024} MiB`);
  }
  return Buffer.concat(chunks);
}
