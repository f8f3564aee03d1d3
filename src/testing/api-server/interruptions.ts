/**
 * How a client loses its API server. `stall`: nothing arrives in either direction until it is over;
 * then everything does, late. `reset`: its connections break, and so do new ones.
 */
export type InterruptionKind = 'stall' | 'reset';

export interface InterruptionOptions {
  /** Whose requests: those with this token; everybody's if omitted. */
  readonly token?: string | undefined;
  readonly kind: InterruptionKind;
}

/** The part of a connection that an interruption acts on. */
export interface Interruptible {
  readonly token: string;
  reset(): void;
}

interface Interruption extends InterruptionOptions {
  readonly held: (() => void)[];
}

/** The interruptions that are going on, and what they hold back. */
export class Interruptions {
  readonly #current = new Set<Interruption>();
  readonly #open = new Set<Interruptible>();

  /** Interrupts until the returned function is called. */
  begin(options: InterruptionOptions): () => void {
    const interruption: Interruption = { ...options, held: [] };
    this.#current.add(interruption);
    if (options.kind === 'reset') {
      for (const exchange of [...this.#open]) if (concerns(options, exchange)) exchange.reset();
    }
    return () => {
      if (!this.#current.delete(interruption)) return;
      // What another interruption still stalls is held back again.
      for (const task of interruption.held) task();
    };
  }

  /** Notes an exchange that can be reset, until the returned function is called. */
  track(exchange: Interruptible): () => void {
    this.#open.add(exchange);
    return () => this.#open.delete(exchange);
  }

  /** Runs `task` now, when the exchange is no longer stalled, or never as it is reset. */
  pass(exchange: Interruptible, task: () => void): void {
    const concerning = [...this.#current].filter((one) => concerns(one, exchange));
    const stall = concerning.find(({ kind }) => kind === 'stall');
    if (concerning.some(({ kind }) => kind === 'reset')) exchange.reset();
    else if (stall) stall.held.push(() => this.pass(exchange, task));
    else task();
  }
}

function concerns({ token }: InterruptionOptions, exchange: Interruptible): boolean {
  return token === undefined || token === exchange.token;
}
