import { setTimeout as sleep } from 'node:timers/promises';

/** Something to be done again and again. */
export interface Strand {
  /** Milliseconds from one beginning to the next: long enough for a machine that is busy. */
  readonly every: number;
  readonly work: () => Promise<void>;
}

/**
 * Keeps a load the same for as long as it lasts, however fast the machine is just then, and lets the
 * process come to rest for a sample.
 */
export class Pacer {
  readonly #startedAt = performance.now();
  #atGate = 0;
  #strands = 0;
  #gate: PromiseWithResolvers<undefined> | undefined;
  #arrived: (() => void) | undefined;
  #restedFor = 0;

  /** Milliseconds in which nothing had to rest. */
  get active(): number {
    return performance.now() - this.#startedAt - this.#restedFor;
  }

  /** Begins the work on each beat until told to stop. A beat that comes too early is left out. */
  async run(isOver: () => boolean, { every, work }: Strand): Promise<void> {
    this.#strands += 1;
    try {
      while (!isOver()) {
        await work();
        if (this.#gate) await this.#rest(this.#gate);
        else await sleep(every - ((performance.now() - this.#startedAt) % every));
      }
    } finally {
      this.#strands -= 1;
      this.#arrived?.();
    }
  }

  /** Runs `look` while every strand rests. */
  async atRest(look: () => Promise<void>): Promise<void> {
    const since = performance.now();
    const gate = Promise.withResolvers<undefined>();
    this.#gate = gate;
    const resting = new Promise<void>((resolve) => {
      this.#arrived = () => {
        if (this.#atGate >= this.#strands) resolve();
      };
      this.#arrived();
    });
    await resting;
    this.#arrived = undefined;
    await look();
    this.#restedFor += performance.now() - since;
    this.#gate = undefined;
    gate.resolve(undefined);
  }

  async #rest(gate: PromiseWithResolvers<undefined>): Promise<void> {
    this.#atGate += 1;
    this.#arrived?.();
    await gate.promise;
    this.#atGate -= 1;
  }
}
