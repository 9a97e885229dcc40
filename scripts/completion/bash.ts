// Completion for bash. It needs nothing of bash-completion.
import { commandNames, filledIn, quoted, valuedOptions } from './template.ts';
import type { Completed, Offer } from './words-of.ts';

/** The script for a program, to be read by bash. */
export function bashScript(completed: Completed): string {
  const { everywhere, commands } = completed;
  return filledIn('bash', completed, {
    VALUED: valuedOptions(completed).join(' | '),
    COMMANDS: commandNames(completed).map(quoted).join(' | '),
    VALUES: [
      ...everywhere.flatMap(({ name, value }) => valueCase(`*${quoted(` --${name}`)}`, value)),
      ...commands.flatMap(({ name, options }) =>
        options.flatMap((each) => valueCase(quoted(`${name} --${each.name}`), each.value)),
      ),
    ],
    OPTIONS: commands.flatMap(({ name, options }) =>
      options.length === 0
        ? []
        : [`${quoted(name)}) offered=(${options.map((each) => `--${each.name}`).join(' ')}) ;;`],
    ),
    EVERYWHERE: everywhere.map((each) => `--${each.name}`).join(' '),
    WORDS: commands.flatMap(wordCases),
  });
}

function valueCase(pattern: string, value: Offer | undefined): string[] {
  const code = value === undefined ? '' : codeOf(value);
  return code === '' ? [] : [`${pattern}) ${code} ;;`];
}

function wordCases({ name, next, positionals }: Completed['commands'][number]): string[] {
  const leads = next.length === 0 ? [] : [`offered=(${next.map(({ word }) => word).join(' ')})`];
  const [first, ...others] = positionals.length === 0 && leads.length > 0 ? [undefined] : positionals;
  return [first, ...others].flatMap((each, index) => {
    const codes = [...(index === 0 ? leads : []), ...(each === undefined ? [] : [codeOf(each.offer)])];
    const code = codes.filter((one) => one !== '').join(' ');
    const pattern = each?.isList === true ? `${quoted(`${name} `)}*` : quoted(`${name} ${index}`);
    return code === '' ? [] : [`${pattern}) ${code} ;;`];
  });
}

function codeOf(offer: Offer): string {
  if (offer.kind === 'words') return `offered+=(${offer.words.map(quoted).join(' ')})`;
  if (offer.kind === 'ask') return `ask=${offer.of}`;
  if (offer.kind === 'any') return '';
  return `files=${offer.kind === 'file' ? '-f' : '-d'}`;
}
