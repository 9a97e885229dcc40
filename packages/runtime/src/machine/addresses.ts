import { networkInterfaces } from 'node:os';
import { ADDRESSES_LIMIT } from '@banshare/protocol';

const LOOPBACK = '127.0.0.1';

/** Every address that this machine has on its interfaces now, loopback's too; asking takes longer than anything else of a report's checks. */
export function machineAddresses(): string[] {
  return interfaces().map(({ address }) => address);
}

/** The addresses by which others may see this machine: those that are configured first, and none of loopback or of one link only; as many as a request takes. */
export function outsideAddresses(configured: readonly string[]): string[] {
  const own = interfaces()
    .filter(({ internal, scopeid }) => !internal && (scopeid === undefined || scopeid === 0))
    .map(({ address }) => address);
  return [...new Set([...configured, ...own])].slice(0, ADDRESSES_LIMIT);
}

/** The address to connect to: this machine's own are reached over loopback, as a NAT may not lead back to itself. */
export function throughLoopback(address: string, knownOutside: readonly string[]): string {
  return knownOutside.includes(address) || machineAddresses().includes(address) ? LOOPBACK : address;
}

function interfaces(): { address: string; internal: boolean; scopeid?: number }[] {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? []);
}
