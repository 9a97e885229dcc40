import { enrolmentText, type EnrolRequest, type Envelope } from '@banshare/protocol';
import { JoinProof } from '@banshare/transport';
import type { Generation } from '../setup/generations.ts';

/**
 * Finds out whether an enrolment proves that it has the join key of the generation whose server it is addressed to. What came
 * over which connection nobody can tell: without this, any host's key would open the door to further ones.
 */
export class JoinCheck {
  readonly #generations: readonly Pick<Generation, 'curve' | 'joinKey'>[];
  readonly #proofs = new Map<string, JoinProof>();

  /** @param generations those in service at the moment of each question. */
  constructor(generations: readonly Pick<Generation, 'curve' | 'joinKey'>[]) {
    this.#generations = generations;
  }

  holds(request: Omit<Envelope, 'at'> & EnrolRequest): boolean {
    const generation = this.#generations.find(({ curve }) => curve.publicKey === request.to);
    if (generation === undefined || request.join === undefined) return false;
    return this.#proofOf(generation).holds(enrolmentText(request, request.name), request.join);
  }

  #proofOf({ curve, joinKey }: Pick<Generation, 'curve' | 'joinKey'>): JoinProof {
    const known = this.#proofs.get(curve.publicKey);
    if (known !== undefined) return known;
    const proof = new JoinProof(curve.secretKey, joinKey);
    this.#proofs.set(curve.publicKey, proof);
    return proof;
  }
}
