import { Z85_DIGITS } from '@banshare/protocol';

/** Reads Z85 (ZeroMQ RFC 32) by code of the tests' own. */
export function bytesOfZ85(text: string): Buffer {
  const groups = text.match(/.{5}/g) ?? [];
  return Buffer.concat(
    groups.map((group) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(
        group.split('').reduce((value, digit) => value * 85 + Z85_DIGITS.indexOf(digit), 0),
      );
      return bytes;
    }),
  );
}
