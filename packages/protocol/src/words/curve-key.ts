/** The digits of Z85 (ZeroMQ RFC 32). */
export const Z85_DIGITS =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;

/**
 * Whether a text is a CURVE key in Z85 (ZeroMQ RFC 32): 40 characters of its alphabet, of which no five stand for more than
 * 32 bits. Nothing else may reach a socket: zeromq.js throws, and then crashes the process at its end.
 */
export function isCurveKey(text: string): boolean {
  if (!KEY.test(text)) return false;
  for (let start = 0; start < text.length; start += 5) {
    let value = 0;
    for (const character of text.slice(start, start + 5)) value = value * 85 + Z85_DIGITS.indexOf(character);
    if (value > 0xffff_ffff) return false;
  }
  return true;
}
