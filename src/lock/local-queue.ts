import type { Held } from './held.ts';

/** A caller of this process that waits for its turn. */
export interface Waiter {
  readonly resolve: (hold: Held) => void;
  readonly reject: (error: unknown) => void;
  readonly since: number;
  gone: boolean;
}

/** Those that wait, in their order. */
export class LocalQueue<W extends Waiter = Waiter> {
  #waiters: W[] = [];
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one whose turn is next. */
  get first(): W | undefined {
    for (let index = this.#first; index < this.#waiters.length; index += 1) {
      if (!this.#waiters[index]?.gone) return this.#waiters[index];
    }
    return undefined;
  }

  add(waiter: W): void {
    this.#waiters.push(waiter);
    this.#size += 1;
  }

  /** Whether it waited until now. */
  leave(waiter: W): boolean {
    if (waiter.gone) return false;
    waiter.gone = true;
    this.#size -= 1;
    return true;
  }

  /** The first, which waits no more. */
  take(): W | undefined {
    while (this.#first < this.#waiters.length) {
      const waiter = this.#waiters[this.#first];
      this.#first += 1;
      if (!waiter || !this.leave(waiter)) continue;
      this.#compact();
      return waiter;
    }
    this.#waiters = [];
    this.#first = 0;
    return undefined;
  }

  /** All of them, in their order. */
  *takeAll(): Generator<W> {
    for (let next = this.take(); next; next = this.take()) yield next;
  }

  /** What a served waiter has captured must not live for as long as the hold that follows. */
  #compact(): void {
    if (this.#size > 0 && (this.#first < 1_024 || this.#first * 2 < this.#waiters.length)) return;
    this.#waiters = this.#size === 0 ? [] : this.#waiters.slice(this.#first);
    this.#first = 0;
  }
}
