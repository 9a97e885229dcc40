const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;

/** Whether a text is a CURVE key in Z85: 40 characters of its alphabet (ZeroMQ RFC 32). */
export function isCurveKey(text: string): boolean {
  return KEY.test(text);
}

/** Writes bytes (a multiple of 4) in Z85. */
export function encodeZ85(bytes: Uint8Array): string {
  let text = '';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < bytes.byteLength; offset += 4) {
    let value = view.getUint32(offset);
    let group = '';
    for (let digit = 0; digit < 5; digit += 1) {
      group = ALPHABET.charAt(value % 85) + group;
      value = Math.floor(value / 85);
    }
    text += group;
  }
  return text;
}

/** Reads a CURVE key's 32 bytes; the caller has checked isCurveKey. */
export function decodeZ85(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let group = 0; group * 5 < text.length; group += 1) {
    let value = 0;
    for (const character of text.slice(group * 5, group * 5 + 5))
      value = value * 85 + ALPHABET.indexOf(character);
    view.setUint32(group * 4, value);
  }
  return bytes;
}
