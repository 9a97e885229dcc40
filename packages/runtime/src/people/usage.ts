import { nearestName } from './near-names.ts';

/**
 * What is wrong with a command line, in a sentence: yargs' message, with the name that was probably meant.
 * @param names the commands and options that there are; options begin with `--`.
 */
export function usageFault(message: string, names: readonly string[]): string {
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/s.exec(message)?.[1]?.split(', ') ?? [];
  // Where a command and an option are called alike the command is meant: the message has no dashes.
  const options = names.filter((name) => name.startsWith('--'));
  const commands = names.filter((name) => !name.startsWith('--'));
  const bare = new Map([...options, ...commands].map((name) => [name.replace(/^--/, ''), name]));
  const meant = unknown.flatMap((word) => {
    const near = nearestName(word, bare.keys());
    const name = near === undefined ? undefined : bare.get(near);
    return name === undefined ? [] : [name];
  });
  const [first] = meant;
  if (first !== undefined) return `there is no ${unknown.join(', ')} here: did you mean ${first}?`;
  if (unknown.length > 0) return `there is no ${unknown.join(', ')} here`;
  return message.startsWith('Not enough non-option arguments') ? 'something is missing' : message;
}
