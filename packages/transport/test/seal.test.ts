import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seal, Signer } from '../src/index.ts';
import { keys, requests } from './published-keys.ts';

for (const { name, by, subject, body, signature, request } of requests) {
  test(`seal() makes the frames of the vector "${name}"`, () => {
    const { id, at, age, key, to, ...kind } = request;
    const sealed = seal(
      { id, at, key, to, ...(age === undefined ? {} : { age }) },
      kind,
      new Signer(keys.hosts[by]?.seed ?? ''),
    );
    assert.deepEqual(
      { ...sealed, signature: sealed.signature.toString('hex') },
      { id, subject, body, signature },
    );
  });
}
