import { flushCompileCache } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, isLeaseholdError } from '../src/index.ts';
import type { Held, Leadership } from '../src/index.ts';
import { SeededRandom } from '../test/chaos/random.ts';
import type { Operation, ToWorker, WorkerSettings } from './messages.ts';

/**
 * One worker: takes turns on the lock `account` and stands for the election `leader` until it is told
 * to finish, or dies. Who it is stands in its token, as in any Pod.
 */

const REPORT_EVERY_MS = 1_000;

/** A later holder was there: this one has lost the lock without knowing it. */
class StaleFenceError extends Error {}

class Resource {
  readonly #waiting = new Map<number, (answer: { accepted: boolean; value: number }) => void>();
  #operations = 0;

  constructor() {
    process.on('message', (message: ToWorker) => {
      if (message.type !== 'answer') return;
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    });
  }

  async ask(
    claim: Pick<Held | Leadership, 'fence' | 'valid'>,
    what: Pick<Operation, 'resource' | 'kind'> & { value?: number },
  ): Promise<number> {
    this.#operations += 1;
    const id = this.#operations;
    const { accepted, value } = await new Promise<{ accepted: boolean; value: number }>((done) => {
      this.#waiting.set(id, done);
      const { fence, valid } = claim;
      process.send?.({ type: 'operation', value: 0, ...what, id, fence, valid });
    });
    if (!accepted) throw new StaleFenceError();
    return value;
  }

  /**
   * Adds one, in two steps. The process may be paused between them for any time: no check of the lock
   * that could stand here would help, as the pause may come after the check. The fence does.
   */
  async increment(claim: Held | Leadership, resource: Operation['resource']): Promise<void> {
    const value = await this.ask(claim, { resource, kind: 'read' });
    await this.ask(claim, { resource, kind: 'write', value: value + 1 });
  }
}

// The demo is gone, however that came about. A worker that is frozen learns of it when it goes on.
process.on('disconnect', () => process.exit());
// Ctrl-C is for the demo, which then tells its workers; a terminal sends it to all of them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

// Those that are started later load faster.
flushCompileCache();
process.send?.({ type: 'ready' });

const { kubeconfig, seed, ttlSeconds } = JSON.parse(
  process.env.LEASEHOLD_DEMO_WORKER ?? '{}',
) as WorkerSettings;
const random = new SeededRandom(seed);
const resource = new Resource();
const finishing = new AbortController();
process.on('message', (message: ToWorker) => {
  if (message.type === 'finish') finishing.abort();
});

const ttl = ttlSeconds * 1_000;
const leasehold = await connect({ kubeconfig, ttl });
const lock = leasehold.lock('account');
const election = leasehold.election('leader', {
  leaseDuration: ttl,
  renewDeadline: (ttl * 2) / 3,
  retryPeriod: ttl / 6,
});

async function takeTurns(): Promise<void> {
  while (!finishing.signal.aborted) {
    await lock
      .run(
        async (held) => {
          await resource.ask(held, { resource: 'account', kind: 'open' });
          const signal = AbortSignal.any([held.signal, finishing.signal]);
          await pause(random.between(250, 750), undefined, { signal });
          await resource.increment(held, 'account');
        },
        { signal: finishing.signal },
      )
      .catch(ignoreLoss);
    process.send?.({ type: 'rest' });
    await pause(random.between(100, 500), undefined, { signal: finishing.signal }).catch(
      ignoreLoss,
    );
  }
}

async function lead(): Promise<void> {
  while (!finishing.signal.aborted) {
    await election
      .run(
        async (term) => {
          await resource.ask(term, { resource: 'leader', kind: 'open' });
          while (!term.signal.aborted) {
            await resource.increment(term, 'leader');
            await pause(REPORT_EVERY_MS, undefined, { signal: term.signal });
          }
        },
        { signal: finishing.signal },
      )
      .catch(ignoreLoss);
  }
}

/** The ends of a turn that are no failure: the lock was lost, or the demo ends. */
function ignoreLoss(error: unknown): void {
  if (error instanceof StaleFenceError) return;
  if (error instanceof Error && error.name === 'AbortError') return;
  if (isLeaseholdError(error) && ['LOST', 'ABORTED', 'CLOSED'].includes(error.code)) return;
  throw error;
}

await Promise.all([takeTurns(), lead()]);
await leasehold.close();
process.exit();
