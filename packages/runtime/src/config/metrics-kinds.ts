import { bad, good } from '@banshare/protocol';
import { show, type Kind } from './kinds.ts';
import { pagePlace } from './page-kinds.ts';

/** Where a daemon serves its metrics. */
export type MetricsPlace = { readonly address: string; readonly port: number };

/** One address of this machine, written out, and a port: none stands for all by being left out. */
export const metricsPlace: Kind<MetricsPlace> = (value) => {
  const place = typeof value === 'string' && !value.startsWith('unix:') ? pagePlace(value) : undefined;
  if (place?.ok === true && place.value.unix === undefined) {
    const { address, port } = place.value;
    return good({ address, port });
  }
  return bad(`must be ADDRESS:PORT or [ADDRESS]:PORT, as "127.0.0.1:9188", not ${show(value)}`);
};

/** Whether only programs of this machine reach an address. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** A place as it is written in an address of HTTP. */
export function urlOf({ address, port }: MetricsPlace): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}/metrics`;
}

/** What whoever opens metrics to others should know; undefined where he does not. */
export function metricsWarning(place: MetricsPlace | undefined): string | undefined {
  if (place === undefined || isLoopback(place.address)) return undefined;
  return `${urlOf(place)} is open to whoever reaches that address, without a password: it names every host, and tells how the fleet is. Let a firewall admit your Prometheus alone, or listen at 127.0.0.1`;
}
