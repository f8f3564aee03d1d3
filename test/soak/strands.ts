import { setTimeout as sleep } from 'node:timers/promises';
import { connect, isLeaseholdError } from '../../src/index.ts';
import type { AcquireOptions, Leasehold, LeaseholdErrorCode, Lock } from '../../src/index.ts';
import type { Strand } from './pacer.ts';
import { BLOCKED, BLOCKED_ROW, ELECTION, ELECTION_TIMES, SHARED, TTL_MS } from './protocol.ts';

/** What an application may meet while its API server comes and goes. */
const EXPECTED: readonly LeaseholdErrorCode[] = ['LOST', 'TIMEOUT', 'ABORTED', 'API_UNREACHABLE'];

/**
 * Everything that an application does with a client, each as something to be done again and again.
 * Throws what nobody should ever see.
 */
export class Strands {
  readonly counts: Record<string, number> = {};
  /** Sessions of short-lived clients that said that they could not delete them. */
  readonly unwritten: string[] = [];
  readonly #leasehold: Leasehold;
  readonly #kubeconfig: string;
  /** Given to every call that takes one, as an application does with that of its shutdown. */
  readonly #shared: AbortSignal;
  readonly #bury: (lock: string) => Promise<void>;
  #names = 0;

  constructor(parts: {
    leasehold: Leasehold;
    kubeconfig: string;
    shared: AbortSignal;
    bury: (lock: string) => Promise<void>;
  }) {
    this.#leasehold = parts.leasehold;
    this.#kubeconfig = parts.kubeconfig;
    this.#shared = parts.shared;
    this.#bury = parts.bury;
  }

  get operations(): number {
    return Object.values(this.counts).reduce((total, count) => total + count, 0);
  }

  readonly all = (): Strand[] => [
    { every: 500, work: this.#free },
    { every: 500, work: this.#contended },
    { every: 500, work: this.#contended },
    { every: 500, work: this.#contended },
    { every: 200, work: this.#timeOut },
    { every: 200, work: this.#cancel },
    { every: 200, work: this.#try },
    { every: 1_500, work: this.#campaign },
    { every: 1_500, work: this.#observe },
    { every: 4_000, work: this.#row },
    { every: 10_000, work: this.#connect },
    { every: 15_000, work: this.#inherit },
  ];

  /** A name that was never used before: nothing of it may stay. */
  readonly #free = async (): Promise<void> => {
    for (let count = 0; count < 3; count += 1) {
      const lock = this.#leasehold.lock(this.#newName('free'));
      await this.#count('free', () => lock.run(() => undefined, { signal: this.#shared }));
    }
  };

  readonly #contended = async (): Promise<void> => {
    for (let count = 0; count < 5; count += 1) {
      const timeout = Math.random() < 0.1 ? 1 + between(0, 30) : 20_000;
      await this.#count('contended', async () => {
        const options = { timeout, signal: this.#shared };
        await this.#leasehold.lock(SHARED).run(async ({ signal }) => {
          if (Math.random() < 0.2) await sleep(2, undefined, { signal }).catch(() => undefined);
        }, options);
      });
    }
  };

  readonly #timeOut = async (): Promise<void> => {
    const timeout = between(1, 40);
    await this.#count('timeout', () => hold(this.#leasehold.lock(BLOCKED), { timeout }));
  };

  readonly #cancel = async (): Promise<void> => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), between(0, 40));
    const signal = AbortSignal.any([controller.signal, this.#shared]);
    await this.#count('cancel', () => hold(this.#leasehold.lock(BLOCKED), { signal }));
    clearTimeout(timer);
  };

  readonly #try = async (): Promise<void> => {
    const lock = this.#leasehold.lock(Math.random() < 0.5 ? BLOCKED : this.#newName('try'));
    await this.#count('try', async () => {
      const held = await lock.tryAcquire({ signal: this.#shared });
      await held?.release();
    });
  };

  readonly #campaign = async (): Promise<void> => {
    const election = this.#leasehold.election(ELECTION, ELECTION_TIMES);
    const patience = AbortSignal.timeout(5_000);
    await this.#count('campaign', async () => {
      const signal = AbortSignal.any([patience, this.#shared]);
      const term = await election.acquire({ signal });
      await sleep(between(0, 500), undefined, { signal: term.signal }).catch(() => undefined);
      await term.resign();
    });
  };

  readonly #observe = async (): Promise<void> => {
    const signal = AbortSignal.any([AbortSignal.timeout(2_000), this.#shared]);
    await this.#count('observe', async () => {
      let changes = 0;
      const election = this.#leasehold.election(ELECTION, ELECTION_TIMES);
      for await (const leader of election.observe({ signal })) {
        changes += leader ? 1 : 0;
        if (changes > 2) break;
      }
    });
  };

  /** More waits at a time than there are connections for watches: the rest share some. */
  readonly #row = async (): Promise<void> => {
    const controller = new AbortController();
    const waits = Array.from({ length: BLOCKED_ROW }, (_, index) =>
      this.#count('row', () =>
        hold(this.#leasehold.lock(`${BLOCKED}-${String(index)}`), { signal: controller.signal }),
      ),
    );
    await sleep(between(200, 1_500));
    controller.abort();
    await Promise.all(waits);
  };

  /** A client of its own, from the kubeconfig to the end. */
  readonly #connect = async (): Promise<void> => {
    await this.#count('connect', async () => {
      const own = await connect({
        kubeconfig: this.#kubeconfig,
        identity: 'short-lived',
        ttl: TTL_MS,
        logger: { info: ignore, warn: ignore, error: ignore, debug: ignore },
        onEvent: (event) => {
          if (event.type === 'session-ended' && !event.deleted) this.unwritten.push(event.session);
        },
      });
      const waiting = hold(own.lock(BLOCKED), {}).catch(() => undefined);
      const standing = own
        .election(ELECTION, ELECTION_TIMES)
        .run(() => undefined)
        .catch(() => undefined);
      // Left to `close`.
      void own
        .lock(this.#newName('left'))
        .acquire()
        .catch(() => undefined);
      await own
        .lock(this.#newName('own'))
        .run(() => undefined)
        .finally(() => own.close());
      await Promise.all([waiting, standing]);
    });
  };

  /** The lock of a process that has died. */
  readonly #inherit = async (): Promise<void> => {
    const lock = this.#newName('dead');
    await this.#bury(lock);
    await this.#count('inherit', async () => {
      await hold(this.#leasehold.lock(lock), { timeout: 60_000 });
    });
  };

  async #count(kind: string, operation: () => Promise<unknown>): Promise<void> {
    try {
      await operation();
    } catch (error) {
      if (!isLeaseholdError(error) || !EXPECTED.includes(error.code)) throw error;
    }
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  #newName(prefix: string): string {
    this.#names += 1;
    return `${prefix}-${String(process.pid)}-${String(this.#names)}`;
  }
}

async function hold(lock: Lock, options: AcquireOptions): Promise<void> {
  const held = await lock.acquire(options);
  await held.release();
}

function between(least: number, most: number): number {
  return least + Math.random() * (most - least);
}

function ignore(): void {
  // A logger that costs nothing.
}
