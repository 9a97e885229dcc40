/** A port that is bound anew many times in a second is lost at some point: those that shall be cut meanwhile are cut together. */
const BETWEEN_CUTS_MS = 1000;

/**
 * Has a port cut all its connections, since libzmq cannot cut one, so that a key that was shut out has none that is older.
 * The first who asks has it cut after `afterMs` milliseconds, in which answers that are under way leave; all who ask within a
 * second after that are one more cut.
 */
export function cutter(cutNow: () => void, afterMs = 0): () => void {
  let isWanted = false;
  let isResting = false;
  const cut = (): void => {
    isWanted = false;
    isResting = true;
    setTimeout(() => {
      isResting = false;
      if (isWanted) cut();
    }, BETWEEN_CUTS_MS);
    cutNow();
  };
  return () => {
    if (isWanted) return;
    isWanted = true;
    if (isResting) return;
    if (afterMs === 0) cut();
    else setTimeout(cut, afterMs);
  };
}
