import type { Message } from './message.ts';

/** A mail as sendmail reads it; what is not ASCII is packed, so that every server on its way takes it. */
export function mailOf({ title, text, level }: Message, to: readonly string[], from?: string): string {
  return [
    ...(from === undefined ? [] : [`From: banshare <${from}>`]),
    `To: ${to.join(', ')}`,
    `Subject: ${wordOf(title)}`,
    'Auto-Submitted: auto-generated',
    ...(level === 'urgent' ? ['Importance: high'] : []),
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    ...(Buffer.from(`${text}\n`)
      .toString('base64')
      .match(/.{1,76}/g) ?? []),
    '',
  ].join('\n');
}

const LONGEST_SUBJECT = 150;
/** Letters of one packed word of a header, which has at most 75. */
const PIECE_BYTES = 42;

function wordOf(title: string): string {
  const short = title.slice(0, LONGEST_SUBJECT);
  if (/^[\x20-\x7e]*$/.test(short)) return short;
  const words: string[] = [];
  let piece = '';
  for (const letter of short) {
    if (Buffer.byteLength(piece + letter) > PIECE_BYTES) {
      words.push(piece);
      piece = '';
    }
    piece += letter;
  }
  return [...words, piece].map((each) => `=?utf-8?B?${Buffer.from(each).toString('base64')}?=`).join('\n ');
}
