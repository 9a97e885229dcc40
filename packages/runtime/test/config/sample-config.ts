import type { OptionTable } from '../../src/config/option-table.ts';
import { clientOptions, serverOptions } from '../../src/config/options.ts';

/** A configuration file with every option, its meaning and its default, all commented out. */
export function sampleConfig(program: 'server' | 'client'): string {
  const readers = program === 'server' ? 'banshare-server' : 'banshare-client and banshare-report';
  const head = `# ${program}.toml of banshare, read by ${readers}. Every option is optional; what is\n# commented out shows the default, or after "for example" something that could be there.\n`;
  const table: OptionTable = program === 'server' ? serverOptions : clientOptions;
  let section = '';
  let text = head;
  for (const [key, option] of Object.entries(table)) {
    const dot = key.indexOf('.');
    const name = key.slice(dot + 1);
    const shown = tableLines(key, option);
    if (shown !== undefined) {
      text += shown;
      continue;
    }
    const isMap = isPlainTable(option.default);
    const heading = isMap ? key : key.slice(0, Math.max(dot, 0));
    text += '\n';
    if (heading !== section) text += `[${heading}]\n`;
    section = heading;
    text += `# ${option.help}\n`;
    if (isMap) continue;
    text +=
      option.default === undefined
        ? `# for example: ${name} = ${toml(option.example)}\n`
        : `# ${name} = ${toml(option.default)}\n`;
  }
  return text;
}

/** A list of tables is shown by an example, indented so that it stays one when the defaults are uncommented. */
function tableLines(
  key: string,
  { default: initial, example, help }: OptionTable[string],
): string | undefined {
  if (!Array.isArray(initial) || !Array.isArray(example)) return undefined;
  const lines = [`[[${key}]]`, ...(example as string[])].map((line) => `#     ${line}\n`);
  return `\n# ${help} For example:\n${lines.join('')}`;
}

/** A value as TOML writes it; for texts without escapes, numbers, truth values and lists JSON is the same. */
function toml(value: unknown): string {
  return JSON.stringify(value);
}

function isPlainTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
