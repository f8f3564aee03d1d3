import type { Election } from '../../../src/election/election.ts';
import type { ElectionOptions } from '../../../src/election/options.ts';
import type { Leadership } from '../../../src/election/term.ts';
import type { VirtualProcess } from '../../sim/world/process.ts';
import type { World } from './world.ts';

/** A process that may stand for the election `controller`, with client-go's times. */
export interface Candidate {
  readonly process: VirtualProcess;
  readonly election: Election;
  readonly lead: () => Promise<Leadership>;
}

export function candidate(world: World, name: string, options?: ElectionOptions): Candidate {
  return candidateOf(world.process(name), options);
}

export function candidateOf(process: VirtualProcess, options?: ElectionOptions): Candidate {
  const election = process.election('controller', options);
  return { process, election, lead: () => process.lead(election) };
}

/** Candidate `a` leads, and `b` does not stand yet. */
export async function led(world: World): Promise<{ a: Candidate; b: Candidate; term: Leadership }> {
  const [a, b] = [candidate(world, 'a'), candidate(world, 'b')];
  const term = await world.time.settled(a.lead());
  return { a, b, term };
}
