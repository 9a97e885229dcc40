/** Addresses from the first one on, below a network of which 65,536 are taken at most. */
export function addresses(network: `${number}.${number}`, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${network}.${index >> 8}.${index & 255}`);
}
