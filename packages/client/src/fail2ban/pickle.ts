/** What fail2ban answers, as data: an exception is its name and words, never an object that is made. */
export type Pickled =
  | { is: 'number'; number: number }
  | { is: 'text'; text: string }
  | { is: 'flag'; flag: boolean }
  | { is: 'none' }
  | { is: 'list' | 'tuple'; items: Pickled[] }
  | { is: 'name'; module: string; name: string }
  | { is: 'raised'; name: string; args: Pickled[] };

const MARK = Symbol('mark');

/** A request: a list of texts in protocol 2, which every fail2ban reads. */
export function pickleWords(words: readonly string[]): Buffer {
  const parts = [Buffer.from([0x80, 2, 0x5d, 0x28])];
  for (const word of words) {
    const text = Buffer.from(word, 'utf8');
    const head = Buffer.alloc(5);
    head[0] = 0x58;
    head.writeUInt32LE(text.length, 1);
    parts.push(head, text);
  }
  return Buffer.concat([...parts, Buffer.from([0x65, 0x2e])]);
}

/**
 * Reads an answer: the few opcodes of pickle that numbers, flags, texts, lists and exceptions need. @throws at any other opcode, at
 * an answer that ends early or late, and at a name that is called with anything but what is expected of it.
 */
export function unpickle(bytes: Buffer): Pickled {
  return new Reader(bytes).read();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  readonly #stack: (Pickled | typeof MARK)[] = [];
  readonly #memo: Pickled[] = [];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): Pickled {
    if (this.#byte() !== 0x80) throw new Error('it does not begin as a pickle');
    const protocol = this.#byte();
    if (protocol !== 4 && protocol !== 5) throw new Error(`its pickle has protocol ${protocol}`);
    for (;;) {
      const code = this.#byte();
      if (code === 0x2e) break;
      const step = STEPS[code];
      if (step === undefined) throw new Error(`its pickle holds the opcode ${code}`);
      step(this);
    }
    const [answer, ...rest] = this.#stack;
    if (answer === undefined || answer === MARK || rest.length > 0 || this.#at !== this.#bytes.length)
      throw new Error('its pickle ends in the wrong place');
    return answer;
  }

  number(size: 1 | 2 | 4): number {
    const at = this.#skip(size);
    if (size === 1) return this.#bytes.readUInt8(at);
    return size === 2 ? this.#bytes.readUInt16LE(at) : this.#bytes.readInt32LE(at);
  }

  text(size: number): string {
    const at = this.#skip(size);
    return new TextDecoder('utf-8', { fatal: true }).decode(this.#bytes.subarray(at, at + size));
  }

  length(size: 1 | 4): number {
    return size === 1 ? this.number(1) : this.#bytes.readUInt32LE(this.#skip(4));
  }

  /** A frame only says how many bytes belong together. */
  frame(): void {
    const size = this.#bytes.readBigUInt64LE(this.#skip(8));
    if (size > BigInt(this.#bytes.length - this.#at)) throw new Error('its pickle ends early');
  }

  push(value: Pickled | typeof MARK): void {
    this.#stack.push(value);
  }

  pop(): Pickled {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw new Error('its pickle takes what is not there');
    return value;
  }

  popTo(count: number): Pickled[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  popToMark(): Pickled[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark === -1) throw new Error('its pickle has no mark');
    const items = this.#stack.splice(mark).slice(1);
    return items as Pickled[];
  }

  append(items: readonly Pickled[]): void {
    const list = this.#stack.at(-1);
    if (list === undefined || list === MARK || list.is !== 'list')
      throw new Error('its pickle appends to what is no list');
    // A list in itself would have no end.
    if (items.includes(list)) throw new Error('its pickle holds itself');
    for (const item of items) list.items.push(item);
  }

  memoize(): void {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw new Error('its pickle remembers nothing');
    this.#memo.push(value);
  }

  recall(index: number): void {
    const value = this.#memo[index];
    // Lists come once; what comes again are names and texts.
    if (value === undefined || value.is === 'list' || value.is === 'tuple')
      throw new Error('its pickle recalls what it cannot');
    this.push(value);
  }

  #byte(): number {
    return this.#bytes.readUInt8(this.#skip(1));
  }

  #skip(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) throw new Error('its pickle ends early');
    this.#at = at + size;
    return at;
  }
}

const STEPS: Readonly<Record<number, (reader: Reader) => void>> = {
  0x95: (reader) => reader.frame(),
  0x4b: (reader) => reader.push({ is: 'number', number: reader.number(1) }),
  0x4d: (reader) => reader.push({ is: 'number', number: reader.number(2) }),
  0x4a: (reader) => reader.push({ is: 'number', number: reader.number(4) }),
  0x8c: (reader) => reader.push({ is: 'text', text: reader.text(reader.length(1)) }),
  0x58: (reader) => reader.push({ is: 'text', text: reader.text(reader.length(4)) }),
  0x88: (reader) => reader.push({ is: 'flag', flag: true }),
  0x89: (reader) => reader.push({ is: 'flag', flag: false }),
  0x4e: (reader) => reader.push({ is: 'none' }),
  0x5d: (reader) => reader.push({ is: 'list', items: [] }),
  0x29: (reader) => reader.push({ is: 'tuple', items: [] }),
  0x28: (reader) => reader.push(MARK),
  0x61: (reader) => reader.append(reader.popTo(1)),
  0x65: (reader) => {
    const items = reader.popToMark();
    reader.append(items);
  },
  0x85: (reader) => reader.push({ is: 'tuple', items: reader.popTo(1) }),
  0x86: (reader) => reader.push({ is: 'tuple', items: reader.popTo(2) }),
  0x87: (reader) => reader.push({ is: 'tuple', items: reader.popTo(3) }),
  0x94: (reader) => reader.memoize(),
  0x68: (reader) => reader.recall(reader.length(1)),
  0x6a: (reader) => reader.recall(reader.length(4)),
  0x93: (reader) => reader.push(nameOf(reader)),
  0x52: (reader) => reader.push(call(reader)),
};

function nameOf(reader: Reader): Pickled {
  const [module, name] = reader.popTo(2);
  if (module?.is !== 'text' || name?.is !== 'text') throw new Error('its pickle names what is no name');
  return { is: 'name', module: module.text, name: name.text };
}

/** str(TEXT), as addresses come, is its text; anything else that is called stands for an exception. */
function call(reader: Reader): Pickled {
  const [callee, args] = reader.popTo(2);
  if (callee?.is !== 'name' || args?.is !== 'tuple') throw new Error('its pickle calls what is no name');
  const { module, name } = callee;
  const [first] = args.items;
  if (module === 'builtins' && name === 'str') {
    if (args.items.length !== 1 || first?.is !== 'text')
      throw new Error('its pickle makes a text of no text');
    return first;
  }
  if (!/(Error|Exception)$/.test(name)) throw new Error(`its pickle calls ${module}.${name}`);
  return { is: 'raised', name, args: args.items };
}
