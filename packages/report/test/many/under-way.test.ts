import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnderWay } from '../../src/many/under-way.ts';

/** Work that ends when it is told to. */
class Work {
  readonly begun: string[] = [];
  readonly ends = new Map<string, () => void>();

  begin(name: string): () => Promise<string> {
    return () => {
      this.begun.push(name);
      return new Promise((resolve) => this.ends.set(name, () => resolve(name)));
    };
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('UnderWay begins so many at once, and takes ends in the order of their beginning, each as soon as it is its turn', async () => {
  const work = new Work();
  const taken: string[] = [];
  const underWay = new UnderWay<string>((end) => void taken.push(end), 2);
  await underWay.add('a', work.begin('a'));
  await underWay.add('b', work.begin('b'));
  const third = underWay.add('c', work.begin('c'));
  work.ends.get('b')?.();
  await turn();
  assert.deepEqual([work.begun, taken], [['a', 'b'], []]);
  work.ends.get('a')?.();
  await third;
  await turn();
  assert.deepEqual(
    [work.begun, taken],
    [
      ['a', 'b', 'c'],
      ['a', 'b'],
    ],
  );
  work.ends.get('c')?.();
  await underWay.drain();
  assert.deepEqual(taken, ['a', 'b', 'c']);
});

test('UnderWay never has two of one key at once', async () => {
  const work = new Work();
  const taken: string[] = [];
  const underWay = new UnderWay<string>((end) => void taken.push(end));
  await underWay.add('x', work.begin('first'));
  await underWay.add('x', work.begin('second'));
  await underWay.add('y', work.begin('other'));
  await turn();
  assert.deepEqual(work.begun, ['first', 'other']);
  work.ends.get('first')?.();
  await turn();
  assert.deepEqual(work.begun, ['first', 'other', 'second']);
  for (const end of work.ends.values()) end();
  await underWay.drain();
  assert.deepEqual(taken, ['first', 'second', 'other']);
});

test('UnderWay tells what went wrong to who waits for room or for the end', async () => {
  const underWay = new UnderWay<string>(() => undefined, 1);
  await underWay.add('x', () => Promise.reject(new Error('no')));
  await assert.rejects(
    underWay.add('y', () => 'y'),
    /no/,
  );
  await assert.rejects(underWay.drain(), /no/);
});
