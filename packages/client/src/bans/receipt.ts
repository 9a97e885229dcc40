import type { Receipt } from '@banshare/protocol';
import type { Reconciler } from '../reconcile.ts';
import type { State } from '../state.ts';

/** What a receipt is made from. */
export type ReceiptParts = {
  state: Pick<State, 'receipt' | 'pausedAt'>;
  enforcer: { kind: string };
  reconcilers: readonly Pick<Reconciler, 'comparison'>[];
  /** How often is compared. */
  reconcileSeconds: number;
};

/** What is really in place on this host, as the server and a person are told. */
export function receiptOf({ state, enforcer, reconcilers, reconcileSeconds }: ReceiptParts): Receipt {
  const comparisons = reconcilers.flatMap(({ comparison }) => comparison ?? []);
  const blind = comparisons.find((comparison) => comparison.blind !== undefined)?.blind;
  const pausedSince = state.pausedAt();
  return {
    ...state.receipt(),
    enforcer: enforcer.kind,
    ...(pausedSince === undefined ? {} : { pausedSince }),
    ...(comparisons.length === 0
      ? {}
      : {
          comparedAgo: Math.round(Math.max(...comparisons.map(({ ago }) => ago))),
          comparesEvery: reconcileSeconds,
        }),
    ...(blind === undefined ? {} : { blind }),
  };
}
