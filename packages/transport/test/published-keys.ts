import { readFileSync } from 'node:fs';
import type { Request } from '@banshare/protocol';
import type { CurvePair } from '../src/index.ts';

type Keys = {
  hosts: { [name: string]: { seed: string; public: string; curve: CurvePair } };
  server: CurvePair;
  join: CurvePair;
  token: CurvePair;
};
/** A request whose third frame is a MAC; `key` is the HMAC's, in hex. */
type MacRequest = { name: string; by: string; subject: string; body: string; key: string; signature: string };
type SignedRequest = {
  name: string;
  by: string;
  subject: string;
  body: string;
  signature: string;
  request: Request;
};

/** The vectors of the wire specification that hold keys and signatures. */
export const keys = read<Keys>('keys');
export const { macs } = read<{ macs: MacRequest[] }>('macs');
export const { requests } = read<{ requests: SignedRequest[] }>('requests');

function read<T>(name: string): T {
  return JSON.parse(
    readFileSync(new URL(`../../protocol/test/vectors/${name}.json`, import.meta.url), 'utf8'),
  ) as T;
}
