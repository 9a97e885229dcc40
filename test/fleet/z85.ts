const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** Reads Z85 (ZeroMQ RFC 32), which the programs only write. */
export function bytesOfZ85(text: string): Buffer {
  const groups = text.match(/.{5}/g) ?? [];
  return Buffer.concat(
    groups.map((group) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(group.split('').reduce((value, digit) => value * 85 + ALPHABET.indexOf(digit), 0));
      return bytes;
    }),
  );
}
