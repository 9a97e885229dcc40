/** The name nearest to a mistyped one, or undefined where none is near enough to be meant. */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  // At least half of it has to be right: every short word is near a word of one letter.
  let least = Math.min(Math.max(2, Math.floor(name.length / 3)), Math.floor(name.length / 2)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein's distance with Damerau's addition: how many letters to add, drop or change, or neighbours to swap. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of from.split('').entries()) {
    const next = [i + 1];
    for (const [j, other] of to.split('').entries()) {
      const change = (row[j] ?? 0) + (letter === other ? 0 : 1);
      const isSwapped = letter === to[j - 1] && other === from[i - 1];
      const swap = isSwapped ? (before[j - 1] ?? 0) + 1 : Infinity;
      next.push(Math.min(change, swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}
