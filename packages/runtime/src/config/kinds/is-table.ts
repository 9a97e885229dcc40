/** Whether a value is a table, as of TOML or JSON; dates are objects as well. Apart from the kinds, which need more than completion has time to load. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
