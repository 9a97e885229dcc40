import { writeFileSync } from 'node:fs';

/** A value of a file in MaxMind's format. */
type Value = string | number | { [name: string]: Value } | readonly Value[];
/** An entry in the tree: another node, what is known from there on, or nothing. */
type Entry = Node | { data: Value } | undefined;
type Node = [Entry, Entry];

/** Writes a small file in MaxMind's format, of IPv6 with IPv4 in it: what is known of each range. */
export function writeMmdb(path: string, ranges: Readonly<Record<string, Value>>): void {
  const root: Node = [undefined, undefined];
  for (const [range, data] of Object.entries(ranges)) put(root, bitsOf(range), { data });
  const nodes: Node[] = [];
  number(root, nodes);
  const chunks: Buffer[] = [];
  let size = 0;
  const record = (entry: Entry): number => {
    if (entry === undefined) return nodes.length;
    if (Array.isArray(entry)) return nodes.indexOf(entry);
    const bytes = encode(entry.data);
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
    description: { en: 'made by a test' },
  };
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  writeFileSync(path, Buffer.concat([tree, Buffer.alloc(16), ...chunks, marker, encode(metadata)]));
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

function encode(value: Value): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([head(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') return Buffer.concat([head(6, 4), bigEndian(value, 4)]);
  if (Array.isArray(value))
    return Buffer.concat([head(11, value.length), ...value.map((one: Value) => encode(one))]);
  const entries = Object.entries(value as { [name: string]: Value });
  return Buffer.concat([
    head(7, entries.length),
    ...entries.flatMap(([name, one]) => [encode(name), encode(one)]),
  ]);
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
