import { Worker } from 'node:worker_threads';
import { NOTHING, sum } from './scenario.ts';
import type { Tally } from './scenario.ts';
import { simulate, traceTimers } from './simulate.ts';
import type { Failure, Run } from './simulate.ts';

export interface CampaignOptions {
  readonly first: number;
  readonly seeds: number;
  /** Ends as soon as so many are done. */
  readonly operations: number;
  readonly minutes: number;
  readonly scenario: string | undefined;
  readonly workers: number;
}

export interface Outcome {
  readonly tally: Tally;
  readonly failure: Failure | undefined;
  readonly seconds: number;
}

/** What a worker is asked: one seed. */
export interface Job {
  readonly seed: number;
  readonly scenario: string | undefined;
}

/** Runs one seed after the other, until enough is done or something was found to be wrong. */
export async function campaign(options: CampaignOptions): Promise<Outcome> {
  const { first, seeds, operations, minutes, scenario, workers } = options;
  const startedAt = performance.now();
  let tally = NOTHING;
  let failure: Failure | undefined;
  let next = first;
  const take = (): Job | undefined => {
    const late = performance.now() - startedAt > minutes * 60_000;
    if (failure || late || next >= first + seeds || tally.operations >= operations)
      return undefined;
    next += 1;
    return { seed: next - 1, scenario };
  };
  const took = (run: Run): void => {
    tally = sum(tally, run.tally);
    // Of several that fail at the same time, the first seed: the same each time.
    if (run.failure && run.failure.seed < (failure?.seed ?? Infinity)) ({ failure } = run);
  };
  const { stackTraceLimit } = Error;
  if (seeds === 1) traceTimers();
  // An answer that does not come is an Error, and millions of stacks that nobody reads are slow.
  else Error.stackTraceLimit = 0;
  if (workers === 1) {
    for (let job = take(); job; job = take()) took(await simulate(job.seed, job.scenario));
  } else {
    await Promise.all(Array.from({ length: workers }, () => work(take, took)));
  }
  Error.stackTraceLimit = stackTraceLimit;
  return { tally, failure, seconds: (performance.now() - startedAt) / 1_000 };
}

/** One thread, until there is nothing left to do. */
async function work(take: () => Job | undefined, took: (run: Run) => void): Promise<void> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url));
  try {
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        const job = take();
        if (job) worker.postMessage(job);
        else resolve();
      };
      worker.on('message', (run: Run) => {
        took(run);
        go();
      });
      worker.on('error', reject);
      go();
    });
  } finally {
    await worker.terminate();
  }
}
