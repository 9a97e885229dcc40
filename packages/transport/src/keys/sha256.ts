/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4). */
const ROUND_WORDS = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);
const START = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
] as const;
const BLOCK = 64;

/**
 * HMAC-SHA-256 (RFC 2104), the same as node:crypto's: for a program that makes one and ends, since loading node:crypto takes 3 ms.
 * @param key at most 64 bytes.
 */
export function hmacSha256(key: Uint8Array, text: Uint8Array): Buffer {
  if (key.length > BLOCK) throw new Error('Cannot make an HMAC: its key is longer than 64 bytes');
  return sha256(padded(key, 0x5c), sha256(padded(key, 0x36), text));
}

function padded(key: Uint8Array, pad: number): Uint8Array {
  const block = new Uint8Array(BLOCK).fill(pad);
  for (const [at, byte] of key.entries()) block[at] = byte ^ pad;
  return block;
}

/** SHA-256 of two texts, one behind the other. */
function sha256(first: Uint8Array, second: Uint8Array): Buffer {
  const length = first.length + second.length;
  // A bit, zeros, and the length in bits in the last eight bytes.
  const all = Buffer.alloc(Math.ceil((length + 9) / BLOCK) * BLOCK);
  all.set(first);
  all.set(second, first.length);
  all[length] = 0x80;
  all.writeUInt32BE(Math.floor(length / 0x20000000), all.length - 8);
  all.writeUInt32BE((length << 3) >>> 0, all.length - 4);
  const state = new Int32Array(START);
  const words = new Int32Array(64);
  for (let at = 0; at < all.length; at += BLOCK) {
    for (let index = 0; index < 16; index += 1) words[index] = all.readInt32BE(at + 4 * index);
    mix(state, words);
  }
  const digest = Buffer.alloc(32);
  for (const [index, word] of state.entries()) digest.writeInt32BE(word, 4 * index);
  return digest;
}

/** Takes one block, in the first 16 words, into the state. */
function mix(state: Int32Array, words: Int32Array): void {
  const word = (index: number): number => words[index] as number;
  for (let index = 16; index < 64; index += 1) {
    const [early, late] = [word(index - 15), word(index - 2)];
    const one = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
    const two = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
    words[index] = word(index - 16) + one + word(index - 7) + two;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  for (let index = 0; index < 64; index += 1) {
    const choice = (e & f) ^ (~e & g);
    const one =
      (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + choice + (ROUND_WORDS[index] as number) + word(index)) |
      0;
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + majority) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  for (const [index, each] of [a, b, c, d, e, f, g, h].entries())
    state[index] = (state[index] as number) + each;
}

function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}
