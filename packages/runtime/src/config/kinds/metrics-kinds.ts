import { bad, good } from '@banshare/protocol';
import { show, type Kind } from './kinds.ts';
import { pageAddress } from './page-kinds.ts';

/** Where a daemon serves its metrics. */
export type MetricsAddress = { readonly address: string; readonly port: number };

/** One address of this machine, written out, and a port: none stands for all by being left out. */
export const metricsAddress: Kind<MetricsAddress> = (value) => {
  const listen = typeof value === 'string' && !value.startsWith('unix:') ? pageAddress(value) : undefined;
  if (listen?.ok === true && listen.value.unix === undefined) {
    const { address, port } = listen.value;
    return good({ address, port });
  }
  return bad(`must be ADDRESS:PORT or [ADDRESS]:PORT, as "127.0.0.1:9188", not ${show(value)}`);
};

/** Whether only programs of this machine reach an address. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** An address with its port as HTTP has it in a URL. */
export function urlOf({ address, port }: MetricsAddress): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}/metrics`;
}

/** What whoever opens metrics to others should know; undefined where he does not. */
export function metricsWarning(listen: MetricsAddress | undefined): string | undefined {
  if (listen === undefined || isLoopback(listen.address)) return undefined;
  return `${urlOf(listen)} is open to whoever reaches that address, without a password: it names hosts, and tells how the fleet is. Let a firewall admit your Prometheus alone, or listen at 127.0.0.1`;
}
