/** Where an address is, as the administrator's own files say: the two letters of a country, and the network with its number and name. */
export type Whereabouts = { country?: string; network?: string };

/** Both in a few words, for the line of an address; '' where nothing is known. */
export function sayWhere({ country, network }: Whereabouts): string {
  return [country, network].filter((part) => part !== undefined).join(', ');
}
