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
  const elector = (identity: string): Promise<Elector> =>
    startElector({
      kubeconfigPath: cluster.tokenKubeconfigPath,
      namespace,
      name: 'client-go',
      identity,
      releaseOnCancel: true,
    });
  const theirs = await Promise.all([elector('a'), elector('b')]);
  try {
    const [our, their] = await Promise.all([
      handoversOf([candidateOf(ours[0]), candidateOf(ours[1])]),
      handoversOf([goCandidateOf(theirs[0]), goCandidateOf(theirs[1])]),
    ]);
    const meaning = `client-go ${median(their).toFixed(0)} ms over leasehold ${median(our).toFixed(2)} ms, medians of ${String(handovers)}`;
    return [{ name: 'speedup', value: median(their) / median(our), atLeast: 100, meaning }];
  } finally {
    await Promise.all(theirs.map((one) => one.quit()));
  }
}

interface Candidate {
  /** Resolves with when it leads next: on the clock that all processes of this machine share. */
  stand(): Promise<number>;
  /** Gives its term up; resolves with when it began to. */
  resign(): Promise<number>;
}

async function handoversOf(candidates: readonly [Candidate, Candidate]): Promise<number[]> {
  const times: number[] = [];
  const elections = candidates.map((candidate) => candidate.stand());
  let leader = await Promise.race(elections.map((election, index) => election.then(() => index)));
  while (times.length < handovers) {
    const resigning = candidates[leader];
    const elected = elections[1 - leader];
    if (!resigning || !elected) throw new Error('two candidates are needed');
    await sleep(pauseMilliseconds);
    const start = await resigning.resign();
    times.push((await elected) - start);
    elections[leader] = resigning.stand();
    leader = 1 - leader;
  }
  // Ends by an error when the client is closed, or the elector quits.
  elections[1 - leader]?.catch(() => undefined);
  return times;
}

function candidateOf(worker: Worker): Candidate {
  return {
    stand: () => worker.call<number>('stand'),
    resign: () => worker.call<number>('resign'),
  };
}

/** The terms of an elector are counted, to wait for the next one. */
function goCandidateOf(elector: Elector): Candidate {
  let terms = 0;
  return {
    async stand() {
      terms += 1;
      await elector.waitFor('started-leading', terms);
      return monotonic();
    },
    resign() {
      const start = monotonic();
      elector.release(standBackMilliseconds);
      return Promise.resolve(start);
    },
  };
}
