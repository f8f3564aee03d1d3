import { setTimeout as pause } from 'node:timers/promises';
import type { SeededRandom } from '../test/chaos/random.ts';
import type { Operation } from './messages.ts';

/** Something that a worker does, at which the story may strike. */
export type Moment =
  | { readonly type: 'rest'; readonly worker: string }
  | {
      readonly type: 'operation';
      readonly worker: string;
      readonly operation: Operation;
      readonly accepted: boolean;
    };

/** What the story can do, and what it has to know. */
export interface Stage {
  /** By SIGKILL. */
  kill(worker: string): void;
  /** By SIGSTOP. */
  freeze(worker: string): void;
  /** By SIGCONT. */
  thaw(worker: string): void;
  leader(): string | undefined;
  /** Resolves when another worker has what this one had. */
  recovered(worker: string): Promise<void>;
}

type Act = 'kill-holder' | 'freeze-holder' | 'kill-leader';

/** Each once, in the order in which they are best understood; then as the seed says. */
const FIRST: readonly Act[] = ['kill-holder', 'freeze-holder', 'kill-leader'];
const LATER: readonly (readonly [Act, number])[] = [
  ['kill-holder', 2],
  ['freeze-holder', 2],
  ['kill-leader', 1],
];
/** So many writes of others a frozen holder misses. */
const MISSED_WRITES = 3;
/** It would wait for ever for one that somebody else has killed. */
const REFUSED_WITHIN_MS = 5_000;

/** Decides when a worker is killed or frozen. It strikes at moments, not at times, so that it never misses. */
export class Story {
  readonly #stage: Stage;
  readonly #random: SeededRandom;
  readonly #gapMs: number;
  #strike: ((moment: Moment) => void) | undefined;

  /** @param gapMs - the quiet between two acts, on average */
  constructor(stage: Stage, random: SeededRandom, gapMs: number) {
    this.#stage = stage;
    this.#random = random;
    this.#gapMs = gapMs;
  }

  /** To be called before the worker is answered: whoever is frozen now does not get further. */
  at(moment: Moment): void {
    this.#strike?.(moment);
  }

  /** @param mayBegin - asked before each act, as the last one should not be cut off */
  async tell(signal: AbortSignal, mayBegin: () => boolean): Promise<void> {
    const acts = [...FIRST];
    while (!signal.aborted) {
      await pause(this.#gapMs * this.#random.between(0.75, 1.25), undefined, { signal });
      if (!mayBegin()) return;
      await this.#play(acts.shift() ?? this.#random.weighted(LATER), signal);
    }
  }

  async #play(act: Act, signal: AbortSignal): Promise<void> {
    const stage = this.#stage;
    if (act === 'kill-leader') {
      // Not while it holds the lock or waits for it: one thing at a time.
      const leader = await this.#next(signal, (moment) => {
        if (moment.type !== 'rest' || moment.worker !== stage.leader()) return false;
        stage.kill(moment.worker);
        return true;
      });
      await unless(signal, stage.recovered(leader));
      return;
    }
    const holder = await this.#next(signal, (moment) => {
      if (!isBetweenReadAndWrite(moment) || moment.worker === stage.leader()) return false;
      if (act === 'kill-holder') stage.kill(moment.worker);
      else stage.freeze(moment.worker);
      return true;
    });
    await unless(signal, stage.recovered(holder));
    if (act === 'freeze-holder') await this.#thaw(holder, signal);
  }

  async #thaw(frozen: string, signal: AbortSignal): Promise<void> {
    for (let missed = 0; missed < MISSED_WRITES; missed += 1) {
      await this.#next(signal, isWrite);
    }
    const refused = this.#next(
      signal,
      (moment) => moment.worker === frozen && moment.type === 'operation' && !moment.accepted,
    );
    this.#stage.thaw(frozen);
    await Promise.race([refused, pause(REFUSED_WITHIN_MS, undefined, { signal })]);
  }

  /** Resolves with the worker at whose moment `strike` said that it was the one. */
  #next(signal: AbortSignal, strike: (moment: Moment) => boolean): Promise<string> {
    const struck = new Promise<string>((resolve) => {
      this.#strike = (moment) => {
        if (!strike(moment)) return;
        this.#strike = undefined;
        resolve(moment.worker);
      };
    });
    return unless(signal, struck);
  }
}

/** Where a holder is most vulnerable: it has read what it is about to write. */
function isBetweenReadAndWrite(moment: Moment): boolean {
  return isAccepted(moment, 'read');
}

function isWrite(moment: Moment): boolean {
  return isAccepted(moment, 'write');
}

function isAccepted(moment: Moment, kind: Operation['kind']): boolean {
  if (moment.type !== 'operation' || !moment.accepted) return false;
  return moment.operation.resource === 'account' && moment.operation.kind === kind;
}

async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(new DOMException('the demo ends', 'AbortError'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
