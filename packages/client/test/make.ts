import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  specialRange,
  type Address,
  type Event,
  type HostName,
  type JailName,
  type ProgName,
  type Range,
} from '@banshare/protocol';
import type { BanRow } from '../src/bans/ban-row.ts';
import { published } from '../src/bans/transitions.ts';
import type { Choice } from '../src/bans/choice.ts';
import type { Reason, ReasonCode } from '../src/bans/reason.ts';

/** Epoch seconds at which these tests play. */
export const NOW = 1_795_257_600;

/** A folder that is gone when the test ends. */
export function folder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'banshare-client-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function eventOf(fields: Partial<Event> = {}): Event {
  return {
    kind: 'ban',
    epoch: 'e1',
    seq: 1,
    tail: '0123456789abcdef',
    at: NOW,
    until: NOW + 3600,
    ip: '203.0.113.9' as Address,
    prog: 'fail2ban' as ProgName,
    jail: 'sshd' as JailName,
    host: 'h1' as HostName,
    ...fields,
  };
}

/** Some fields of a row; reasons by their code, or as what an enforcer said. */
export type RowFields = {
  [Key in keyof BanRow]?: BanRow[Key] | (BanRow[Key] extends Reason ? string : never);
};

const CODES: readonly string[] = ['', 'full', 'paused', 'expired', 'own', 'range'];

/** The reason of a code, or that an enforcer said. */
export function reasonOf(said: string | Reason): Reason {
  if (typeof said !== 'string') return said;
  return CODES.includes(said) ? { code: said as ReasonCode, text: '' } : { code: 'enforcer', text: said };
}

/** The row of a ban that was just taken, with the test's own fields. */
export function rowOf(fields: RowFields = {}): BanRow {
  const event = eventOf();
  const { reason = '', keptBack = '' } = fields;
  return {
    ...published(event, { apply: true, localJail: event.jail }, undefined),
    ...fields,
    reason: reasonOf(reason),
    keptBack: reasonOf(keptBack),
  } as BanRow;
}

/** What protects, as a reason; none where there is no rule. */
export function protectedBy(rule: string | undefined): Reason | undefined {
  return rule === undefined ? undefined : { code: 'protected', text: rule };
}

export function choiceOf(fields: Partial<Choice> = {}): Choice {
  return {
    ownName: 'h2' as HostName,
    ownReports: false,
    jails: ['*'],
    progs: ['*'],
    localJails: new Map(),
    ruleFor: (target) => protectedBy(specialRange(target)),
    isPaused: false,
    ...fields,
  };
}

export const ip = (text: string): Address => text as Address;
export const range = (text: string): Range => text as Range;
export const jail = (text: string): JailName => text as JailName;
export const prog = (text: string): ProgName => text as ProgName;
export const host = (text: string): HostName => text as HostName;
