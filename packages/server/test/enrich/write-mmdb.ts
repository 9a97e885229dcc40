import { writeFileSync } from 'node:fs';

/** Bytes as they are to stand in the file, by where in their section they begin: pointers count from its start. */
export type Raw = (at: number) => Buffer;
/** A value of a file in MaxMind's format. */
export type Value = string | number | Raw | { [name: string]: Value } | readonly Value[];
/** An entry in the tree: another node, what is known from there on, or nothing. */
type Entry = Node | { data: Value } | undefined;
type Node = [Entry, Entry];

/** Writes a small file in MaxMind's format, of IPv6 with IPv4 in it: what is known of each range, and what its head says of it. */
export function writeMmdb(
  path: string,
  ranges: Readonly<Record<string, Value>>,
  description: Value = { en: 'made by a test' },
): void {
  const root: Node = [undefined, undefined];
  for (const [range, data] of Object.entries(ranges)) put(root, bitsOf(range), { data });
  const nodes: Node[] = [];
  number(root, nodes);
  const chunks: Buffer[] = [];
  let size = 0;
  const record = (entry: Entry): number => {
    if (entry === undefined) return nodes.length;
    if (Array.isArray(entry)) return nodes.indexOf(entry);
    const bytes = encode(entry.data, size);
    chunks.push(bytes);
    size += bytes.length;
    return nodes.length + 16 + size - bytes.length;
  };
  const tree = Buffer.concat(
    nodes.map((node) => Buffer.concat(node.map((entry) => bigEndian(record(entry), 3)))),
  );
  const metadata = {
    node_count: nodes.length,
    record_size: 24,
    ip_version: 6,
    database_type: 'banshare test',
    languages: ['en'],
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_795_257_600,
    description,
  };
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  writeFileSync(path, Buffer.concat([tree, Buffer.alloc(16), ...chunks, marker, encode(metadata, 0)]));
}

function bitsOf(range: string): number[] {
  const [address = '', prefix = ''] = range.split('/');
  if (!address.includes(':')) {
    const bits = address.split('.').flatMap((octet) => bitsOfNumber(Number(octet), 8));
    return [...Array.from({ length: 96 }, () => 0), ...bits.slice(0, Number(prefix))];
  }
  const [head = '', tail = ''] = address.split('::');
  const [before, after] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const missing = 8 - (before?.length ?? 0) - (after?.length ?? 0);
  const groups = [...(before ?? []), ...Array.from({ length: missing }, () => '0'), ...(after ?? [])];
  return groups.flatMap((group) => bitsOfNumber(Number.parseInt(group, 16), 16)).slice(0, Number(prefix));
}

function bitsOfNumber(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (value >> (count - 1 - index)) & 1);
}

function put(root: Node, bits: readonly number[], data: Entry): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const next = node[bit as 0 | 1];
    const inner: Node = Array.isArray(next) ? next : [undefined, undefined];
    node[bit as 0 | 1] = inner;
    node = inner;
  }
  node[bits.at(-1) as 0 | 1] = data;
}

function number(node: Node, nodes: Node[]): void {
  nodes.push(node);
  for (const entry of node) if (Array.isArray(entry)) number(entry, nodes);
}

function encode(value: Value, at: number): Buffer {
  if (typeof value === 'function') return value(at);
  if (typeof value === 'string')
    return Buffer.concat([head(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') return Buffer.concat([head(6, 4), bigEndian(value, 4)]);
  if (Array.isArray(value)) return inARow(head(11, value.length), value as readonly Value[], at);
  const entries = Object.entries(value as { [name: string]: Value });
  return inARow(head(7, entries.length), entries.flat(), at);
}

function inARow(first: Buffer, values: readonly Value[], at: number): Buffer {
  return values.reduce<Buffer>(
    (before, value) => Buffer.concat([before, encode(value, at + before.length)]),
    first,
  );
}

function head(type: number, size: number): Buffer {
  const [short, more] = size < 29 ? [size, []] : [29, [size - 29]];
  return Buffer.from(type <= 7 ? [(type << 5) | short, ...more] : [short, type - 7, ...more]);
}

function bigEndian(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}
