/** Of ranges that are never banned those of every address. */
export function everyAddress(ranges: readonly string[]): string[] {
  return ranges.filter((range) => range.endsWith('/0'));
}

/** What follows of such ranges: that may be meant, to look on for a while. */
export function sayBansNothing(all: readonly string[]): string {
  return `No address in ${all.join(' and ')} is banned, since all of it is listed as never banned; banshare-server never-ban list says by what`;
}
