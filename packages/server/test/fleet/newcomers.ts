import assert from 'node:assert/strict';
import { makeIdentity, Signer } from '@banshare/transport';
import { Peer, type Fleet } from '../../../../test/fleet/index.ts';

type Told = { status: string; code?: string; after?: number };

/** So many hosts that never were there ask, one after the other, as whoever has the join key can. */
export async function askAsNewcomers(fleet: Fleet, count: number): Promise<Told[]> {
  const told: Told[] = [];
  const peer = new Peer(fleet.meeting, await makeIdentity());
  for (let n = 0; n < count; n += 1) {
    const { publicHex: key, seedHex } = await makeIdentity();
    const { request, id } = peer.enrolment(`h${n}`, [], key);
    const answer = await peer.ask(request, { id, key, signer: new Signer(seedHex) }, fleet.keys.join);
    assert.ok(answer.ok, JSON.stringify(answer));
    const { status, code, after } = answer.reply;
    told.push({ status, ...(code === undefined ? {} : { code }), ...(after === undefined ? {} : { after }) });
  }
  peer.close();
  return told;
}
