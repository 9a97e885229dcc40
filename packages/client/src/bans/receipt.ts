import type { Receipt } from '@banshare/protocol';
import type { State } from './state.ts';

/** How old what this host knows of an enforcer is, in seconds, and why it is no younger. */
export type Comparison = { ago: number; blind: string | undefined };

/** What a receipt is made from; an enforcer that cannot tell what it has in place was never compared. */
export type ReceiptParts = {
  state: Pick<State, 'receipt' | 'pausedAt'>;
  enforcer: { kind: string };
  reconcilers: readonly { readonly comparison: Comparison | undefined }[];
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
