import { setTimeout as sleep } from 'node:timers/promises';
import { startElector } from '../test/cluster/elector.ts';
import type { Elector } from '../test/cluster/elector.ts';
import type { Figure } from './report.ts';
import { Site } from './site.ts';
import { median, monotonic } from './statistics.ts';
import type { Worker } from './worker.ts';

const handovers = 10;
/** Longer than a candidate of client-go may wait for its next try: 2.2 retry periods. */
const standBackMilliseconds = 4_500;
/** Whoever has resigned stands again by then. */
const pauseMilliseconds = 5_000;

/**
 * Graceful hand-over between two candidates of leasehold, and beside it between two of client-go,
 * both with the default times: from the wish to resign to the other's start.
 */
export async function measure(): Promise<Figure[]> {
  await using site = await Site.open();
  const { namespace, cluster } = site;
  const ours = await Promise.all([site.worker('candidate.ts'), site.worker('candidate.ts')]);
  const theirs = await Promise.all(
    ['a', 'b'].map((identity) =>
      startElector({
        kubeconfigPath: cluster.tokenKubeconfigPath,
        namespace,
        name: 'client-go',
        identity,
        releaseOnCancel: true,
      }),
    ),
  );
  try {
    const [our, their] = await Promise.all([
      ourHandovers(ours),
      theirHandovers(theirs.map((elector) => new GoCandidate(elector))),
    ]);
    const meaning = `client-go ${median(their).toFixed(0)} ms over leasehold ${median(our).toFixed(2)} ms, medians of ${String(handovers)}`;
    return [{ name: 'speedup', value: median(their) / median(our), atLeast: 100, meaning }];
  } finally {
    await Promise.all(theirs.map((elector) => elector.quit()));
  }
}

async function ourHandovers(candidates: readonly Worker[]): Promise<number[]> {
  const times: number[] = [];
  const elections = candidates.map((candidate) => candidate.call<number>('stand'));
  let leader = await Promise.race(elections.map((election, index) => election.then(() => index)));
  while (times.length < handovers) {
    const resigning = candidates[leader];
    const elected = elections[1 - leader];
    if (!resigning || !elected) throw new Error('two candidates are needed');
    await sleep(pauseMilliseconds);
    const start = await resigning.call<number>('resign');
    times.push((await elected) - start);
    elections[leader] = resigning.call<number>('stand');
    leader = 1 - leader;
  }
  // Ends by an error when the client is closed.
  elections[1 - leader]?.catch(() => undefined);
  return times;
}

/** An elector whose terms are counted, to wait for the next one. */
class GoCandidate {
  readonly elector: Elector;
  #terms = 0;

  constructor(elector: Elector) {
    this.elector = elector;
  }

  /** When its next term began; to be called once for each term, in turn. */
  async elected(): Promise<number> {
    this.#terms += 1;
    await this.elector.waitFor('started-leading', this.#terms);
    return monotonic();
  }
}

async function theirHandovers(candidates: readonly GoCandidate[]): Promise<number[]> {
  const times: number[] = [];
  const elections = candidates.map((candidate) => candidate.elected());
  let leader = await Promise.race(elections.map((election, index) => election.then(() => index)));
  while (times.length < handovers) {
    const resigning = candidates[leader];
    const elected = elections[1 - leader];
    if (!resigning || !elected) throw new Error('two candidates are needed');
    await sleep(pauseMilliseconds);
    const start = monotonic();
    resigning.elector.release(standBackMilliseconds);
    times.push((await elected) - start);
    elections[leader] = resigning.elected();
    leader = 1 - leader;
  }
  // Ends by an error when the elector quits.
  elections[1 - leader]?.catch(() => undefined);
  return times;
}
