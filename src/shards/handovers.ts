import { leaseName } from '../core/names.ts';
import type { Parts } from '../core/parts.ts';
import { QUEUE_PREFIX } from '../core/record.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { LeaseView } from '../kube/lease-view.ts';
import { Turns } from '../kube/turns.ts';

/** A new owner that has not come by then may be in trouble itself: the shard is free for whoever comes. */
const PATIENCE_MS = 10_000;
/** Each watches a lock: so many at a time. */
const MOST_AT_A_TIME = 32;

/** Finds out when the next owner of a shard waits for it, so that giving it up leaves no gap. */
export class Handovers {
  readonly #api: LeaseApi;
  readonly #parts: Parts;
  readonly #turns: Turns;

  constructor(api: LeaseApi, parts: Parts) {
    this.#api = api;
    this.#parts = parts;
    this.#turns = new Turns(MOST_AT_A_TIME, parts.clock);
  }

  /** Resolves when somebody waits for the lock, when patience is over, or when `signal` aborts. */
  async awaited(lock: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const until = clock.now() + PATIENCE_MS;
    if (!(await this.#turns.take(PATIENCE_MS, signal))) return;
    try {
      await this.#watched(lock, until - clock.now(), signal);
    } finally {
      this.#turns.end();
    }
  }

  async #watched(lock: string, patience: number, signal: AbortSignal): Promise<void> {
    const view = new LeaseView(this.#api, leaseName(lock).lease, this.#parts);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const done = (): void => {
      resolve(undefined);
    };
    view.subscribe(() => {
      if (view.mentions(`"${QUEUE_PREFIX}`)) done();
    });
    const cancel = this.#parts.clock.schedule(Math.max(0, patience), done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
    view.startWatch();
    await promise;
    view.stopWatch();
    cancel();
    signal.removeEventListener('abort', done);
  }
}
