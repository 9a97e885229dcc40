import { setTimeout as rest } from 'node:timers/promises';

/** Waits for an event, and says what did not come when it takes too long. */
export async function within<T>(event: Promise<T>, milliseconds: number, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${milliseconds} ms in vain for ${what()}`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([event, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Asks until there is an answer, where no event tells. A question is often a program that is started, and whoever asks without
 * a rest takes the processor from what is waited for: so the rest is twice as long as the question took, and an eighth of what was
 * waited so far.
 */
export async function untilAnswered<T>(
  ask: () => Promise<T | undefined>,
  milliseconds: number,
  what: () => string,
): Promise<T> {
  let over = false;
  const start = performance.now();
  const asking = async (): Promise<T> => {
    for (;;) {
      const began = performance.now();
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (over) throw new Error(`Waited ${milliseconds} ms in vain for ${what()}`);
      const now = performance.now();
      await rest(Math.min(Math.max(10, 2 * (now - began), (now - start) / 8), 500));
    }
  };
  try {
    return await within(asking(), milliseconds, what);
  } finally {
    over = true;
  }
}
