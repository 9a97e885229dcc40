// A tar archive (POSIX ustar) whose bytes depend on nothing but its contents: no times, no owners, no order of a disk.

export type Entry = { readonly name: string; readonly mode: number; readonly bytes: Uint8Array };

const BLOCK = 512;

/** The archive of some files; the folders above them are made by whoever unpacks it. */
export function tar(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const padding = Buffer.alloc((BLOCK - (entry.bytes.length % BLOCK)) % BLOCK);
    return [header(entry), entry.bytes, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header({ name, mode, bytes }: Entry): Buffer {
  if (Buffer.byteLength(name) > 100)
    throw new Error(`Cannot put "${name}" into a tar archive: its name is too long`);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(bytes.length, 11), 124);
  block.write(octal(0, 11), 136);
  // The checksum is reckoned with blanks in its own field.
  block.write('        ', 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${octal(checksum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
