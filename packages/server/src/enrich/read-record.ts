import { oneLine } from '@banshare/protocol';
import type { Whereabouts } from '../words/whereabouts.ts';

/** So much of a network's name is shown. */
const LONGEST_NAME = 60;

/** What a record says, in the fields of MaxMind and DB-IP, or those of IPinfo; whatever else it holds is passed over. */
export function readRecord(record: unknown): Whereabouts {
  const country =
    codeOf(at(record, 'country', 'iso_code')) ??
    codeOf(at(record, 'country_code')) ??
    codeOf(at(record, 'country')) ??
    codeOf(at(record, 'registered_country', 'iso_code'));
  const number = numberOf(at(record, 'autonomous_system_number') ?? at(record, 'asn'));
  const name = at(record, 'autonomous_system_organization') ?? at(record, 'as_name');
  const named = typeof name === 'string' && name !== '' ? ` ${oneLine(name).slice(0, LONGEST_NAME)}` : '';
  return {
    ...(country === undefined ? {} : { country }),
    ...(number === undefined ? {} : { network: `AS${number}${named}` }),
  };
}

function at(record: unknown, ...names: string[]): unknown {
  let value = record;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

function codeOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Z]{2}$/.test(value) ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(/^AS(\d{1,10})$/.exec(value)?.[1]) : value;
  return typeof number === 'number' && Number.isInteger(number) && number > 0 ? number : undefined;
}
