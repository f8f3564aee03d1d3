import type { Published } from '../core/election.ts';

interface Waiting {
  readonly turn: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What a leader tells of itself, and which of it is known to be stored. */
export class Publications {
  #published: Published;
  #turn = 0;
  /** The turn of the value in each renewal that may be stored, by its renewTime. */
  readonly #sent = new Map<string, number>();
  #waiting: Waiting[] = [];

  constructor(published: Published) {
    this.#published = published;
  }

  /** Resolves when this value, or one that came after it, is stored. */
  publish(value: string | undefined): Promise<void> {
    this.#published = { ...this.#published, value };
    this.#turn += 1;
    const turn = this.#turn;
    return new Promise((resolve, reject) => this.#waiting.push({ turn, resolve, reject }));
  }

  /** What is to be in a renewal that is about to be sent. */
  sent(renewTime: string): Published {
    this.#sent.set(renewTime, this.#turn);
    return this.#published;
  }

  stored(renewTime: string): void {
    const stored = this.#sent.get(renewTime);
    if (stored === undefined) return;
    this.#sent.clear();
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ turn }) => turn > stored);
    for (const { turn, resolve } of waiting) if (turn <= stored) resolve();
  }

  end(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
