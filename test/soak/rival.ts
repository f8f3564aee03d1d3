import { setTimeout as sleep } from 'node:timers/promises';
import { isLeaseholdError } from '../../src/index.ts';
import type { Leasehold } from '../../src/index.ts';
import { connectToServer } from '../../src/testing/index.ts';
import type { ApiServer } from '../../src/testing/index.ts';
import { BLOCKED, BLOCKED_ROW, ELECTION, ELECTION_TIMES, SHARED } from './protocol.ts';

/** Whoever the client has to share with: another client, which holds what it waits for in vain. */
export class Rival {
  readonly #leasehold: Leasehold;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  private constructor(leasehold: Leasehold) {
    this.#leasehold = leasehold;
  }

  /** Resolves when it holds what is to be blocked. */
  static async start(server: ApiServer): Promise<Rival> {
    const rival = new Rival(await connectToServer(server, { identity: 'rival' }));
    const names = Array.from({ length: BLOCKED_ROW }, (_, index) => `${BLOCKED}-${String(index)}`);
    const holding = [BLOCKED, ...names].map((name) => rival.#keep(name));
    rival.#running = Promise.all([
      ...holding.map(({ over }) => over),
      rival.#contend(),
      rival.#stand(),
    ]);
    // Its own failure is one of the run.
    rival.#running.catch((error: unknown) => {
      queueMicrotask(() => {
        throw error;
      });
    });
    await Promise.all(holding.map(({ held }) => held));
    return rival;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#leasehold.close();
  }

  #keep(name: string): { held: Promise<undefined>; over: Promise<void> } {
    const held = Promise.withResolvers<undefined>();
    const over = this.#until(async () => {
      await this.#leasehold.lock(name).run(async ({ signal }) => {
        held.resolve(undefined);
        await aborted(AbortSignal.any([signal, this.#stop.signal]));
      });
    });
    return { held: held.promise, over };
  }

  #contend(): Promise<void> {
    const { signal } = this.#stop;
    return this.#until(async () => {
      await this.#leasehold.lock(SHARED).run(() => sleep(Math.random() * 5), { signal });
      await sleep(Math.random() * 200);
    });
  }

  #stand(): Promise<void> {
    const election = this.#leasehold.election(ELECTION, ELECTION_TIMES);
    return this.#until(async () => {
      const patience = AbortSignal.timeout(5_000);
      const term = await election.acquire({
        signal: AbortSignal.any([patience, this.#stop.signal]),
      });
      await sleep(Math.random() * 300);
      await term.resign();
    });
  }

  async #until(work: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await work();
      } catch (error) {
        // What it holds may be lost, if this machine stands still for long enough.
        if (!isLeaseholdError(error, 'ABORTED') && !isLeaseholdError(error, 'LOST')) throw error;
      }
    }
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
