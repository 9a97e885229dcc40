// Completion for zsh, with what each word means.
import { commandNames, filledIn, quoted, valuedOptions } from './template.ts';
import type { Completed, Offer, Option } from './words-of.ts';

/** The script for a program: a file `_PROGRAM` in a folder of fpath. */
export function zshScript(completed: Completed): string {
  const { everywhere, commands } = completed;
  return filledIn('zsh', completed, {
    VALUED: valuedOptions(completed).join('|'),
    COMMANDS: commandNames(completed).map(quoted).join('|'),
    VALUES: [
      ...everywhere.flatMap(({ name, value }) => valueCase(`*${quoted(` --${name}`)}`, value)),
      ...commands.flatMap(({ name, options }) =>
        options.flatMap((each) => valueCase(quoted(`${name} --${each.name}`), each.value)),
      ),
    ],
    OPTIONS: commands.flatMap(({ name, options }) =>
      options.length === 0 ? [] : [`(${quoted(name)}) offered=(${described(options)}) ;;`],
    ),
    EVERYWHERE: described(everywhere),
    WORDS: commands.flatMap(wordCases),
  });
}

function described(options: readonly Option[]): string {
  return options.map(({ name, meaning }) => entry(`--${name}`, meaning)).join(' ');
}

/** As _describe takes it: a colon ends the word. */
function entry(word: string, meaning: string): string {
  return quoted(`${word.replaceAll(':', '\\:')}:${meaning}`);
}

function valueCase(pattern: string, value: Offer | undefined): string[] {
  const code = value === undefined ? '' : codeOf(value);
  return code === '' ? [] : [`(${pattern}) ${code} ;;`];
}

function wordCases({ name, next, positionals }: Completed['commands'][number]): string[] {
  const words = next.map(({ word, meaning }) => entry(word, meaning)).join(' ');
  const leads = next.length === 0 ? [] : [`offered=(${words}); _describe command offered`];
  const [first, ...others] = positionals.length === 0 && leads.length > 0 ? [undefined] : positionals;
  return [first, ...others].flatMap((each, index) => {
    const codes = [...(index === 0 ? leads : []), ...(each === undefined ? [] : [codeOf(each.offer)])];
    const code = codes.filter((one) => one !== '').join('; ');
    const pattern = each?.isList === true ? `${quoted(`${name} `)}*` : quoted(`${name} ${index}`);
    return code === '' ? [] : [`(${pattern}) ${code} ;;`];
  });
}

function codeOf(offer: Offer): string {
  if (offer.kind === 'words') return `compadd -- ${offer.words.map(quoted).join(' ')}`;
  if (offer.kind === 'ask') return `_banshare_server_ask ${offer.of} "$root"`;
  if (offer.kind === 'any') return '';
  return offer.kind === 'file' ? '_files' : '_files -/';
}
