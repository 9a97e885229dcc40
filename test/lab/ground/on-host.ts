import { test } from 'node:test';
import { Booted } from './roots/systemd.ts';
import type { Host } from './host.ts';
import { startLab } from './lab.ts';

type Skip = { readonly skip: string | false };

/** A test on the one host of a lab that begins and ends with it. */
export function onHost(title: string, { skip }: Skip, work: (host: Host) => Promise<void>): void {
  test(title, { skip }, async () => {
    await using lab = await startLab({ hosts: ['h1'] });
    await work(lab.host('h1'));
  });
}

/** The same on a host that systemd has booted. */
export function onBooted(
  title: string,
  { skip }: Skip,
  work: (booted: Booted, host: Host) => Promise<void>,
): void {
  onHost(title, { skip }, async (host) => {
    await using booted = await Booted.start(host);
    await work(booted, host);
  });
}
