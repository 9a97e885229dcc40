import { Z85_DIGITS } from '@banshare/protocol';

/** Writes bytes (a multiple of 4) in Z85. */
export function encodeZ85(bytes: Uint8Array): string {
  let text = '';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < bytes.byteLength; offset += 4) {
    let value = view.getUint32(offset);
    let group = '';
    for (let digit = 0; digit < 5; digit += 1) {
      group = Z85_DIGITS.charAt(value % 85) + group;
      value = Math.floor(value / 85);
    }
    text += group;
  }
  return text;
}

/** Reads Z85 that isCurveKey() of protocol has taken. */
export function decodeZ85(text: string): Buffer {
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let group = 0; group < text.length / 5; group += 1) {
    let value = 0;
    for (const digit of text.slice(group * 5, group * 5 + 5)) value = value * 85 + Z85_DIGITS.indexOf(digit);
    bytes.writeUInt32BE(value, group * 4);
  }
  return bytes;
}
