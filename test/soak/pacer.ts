import { setTimeout as sleep } from 'node:timers/promises';

/** Keeps the process below a part of a core, and lets it come to rest for a sample. */
export class Pacer {
  readonly #share: number;
  readonly #startedAt = performance.now();
  readonly #cpuBefore = process.cpuUsage();
  #atGate = 0;
  #strands = 0;
  #gate: PromiseWithResolvers<undefined> | undefined;
  #arrived: (() => void) | undefined;

  constructor(share: number) {
    this.#share = share;
  }

  /** Runs `work` again and again until told to stop. */
  async strand(isOver: () => boolean, work: () => Promise<void>): Promise<void> {
    this.#strands += 1;
    try {
      while (!isOver()) {
        await work();
        await this.#turn();
      }
    } finally {
      this.#strands -= 1;
      this.#arrived?.();
    }
  }

  /** Runs `look` while every strand rests. */
  async atRest(look: () => Promise<void>): Promise<void> {
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
    this.#gate = undefined;
    gate.resolve(undefined);
  }

  async #turn(): Promise<void> {
    if (this.#gate) {
      this.#atGate += 1;
      this.#arrived?.();
      await this.#gate.promise;
      this.#atGate -= 1;
      return;
    }
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    const due = (user + system) / 1_000 / this.#share;
    const ahead = due - (performance.now() - this.#startedAt);
    if (ahead > 0) await sleep(Math.min(ahead, 1_000));
  }
}
