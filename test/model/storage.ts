/** A list of integers that grows without a copy of each in an object. */
export class Integers {
  length = 0;
  #values = new Int32Array(1 << 12);

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Int32Array(this.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  get(index: number): number {
    return this.#values[index] ?? 0;
  }
}

const STATES_A_CHUNK = 1 << 14;

/** Encoded states by number, each once. */
export class States {
  readonly #size: number;
  readonly #chunks: Uint8Array[] = [];
  /** By hash, the number of a state plus one. */
  #table = new Int32Array(1 << 16);
  length = 0;

  /** @param size - bytes of a state */
  constructor(size: number) {
    this.#size = size;
  }

  /** The number of the state, negative and less one if it is new. */
  add(bytes: Uint8Array): number {
    const mask = this.#table.length - 1;
    let slot = hash(bytes, 0, this.#size) & mask;
    for (;;) {
      const found = this.#table[slot] ?? 0;
      if (found === 0) break;
      if (this.#equals(found - 1, bytes)) return found - 1;
      slot = (slot + 1) & mask;
    }
    const number = this.length;
    this.#table[slot] = number + 1;
    if (number % STATES_A_CHUNK === 0)
      this.#chunks.push(new Uint8Array(STATES_A_CHUNK * this.#size));
    this.length += 1;
    const { chunk, from } = this.at(number);
    chunk.set(bytes, from);
    if (this.length * 2 > this.#table.length) this.#grow();
    return -number - 1;
  }

  /** Where the bytes of a state are. */
  at(number: number): { chunk: Uint8Array; from: number } {
    const chunk = this.#chunks[Math.floor(number / STATES_A_CHUNK)] ?? new Uint8Array();
    return { chunk, from: (number % STATES_A_CHUNK) * this.#size };
  }

  #equals(number: number, bytes: Uint8Array): boolean {
    const { chunk, from } = this.at(number);
    for (let index = 0; index < this.#size; index += 1) {
      if (chunk[from + index] !== bytes[index]) return false;
    }
    return true;
  }

  #grow(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    const mask = this.#table.length - 1;
    for (let number = 0; number < this.length; number += 1) {
      const { chunk, from } = this.at(number);
      let slot = hash(chunk, from, this.#size) & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = number + 1;
    }
  }
}

/** FNV-1a, stirred. */
function hash(bytes: Uint8Array, from: number, size: number): number {
  let value = 0x811c9dc5;
  for (let index = from; index < from + size; index += 1) {
    value = Math.imul(value ^ (bytes[index] ?? 0), 0x01000193);
  }
  value ^= value >>> 15;
  value = Math.imul(value, 0x2c1b3c6d);
  return value ^ (value >>> 13);
}
