import type { ElectionOptions } from '../../src/index.ts';
import type { Election, Leader, Leadership, StandOptions } from '../../src/index.ts';
import type { Client } from './world.ts';

/** Leads until it is asked to stop, again and again, until the client is closed. */
export function stands(
  { leasehold }: Client,
  name: string,
  options: ElectionOptions,
  stand: StandOptions = {},
): Election {
  const election = leasehold.election(name, options);
  void election.run(
    ({ signal }: Leadership) =>
      new Promise((resolve) => {
        if (signal.aborted) resolve(undefined);
        signal.addEventListener('abort', resolve, { once: true });
      }),
    stand,
  );
  return election;
}

/** The first leader that satisfies, past or to come. */
export async function seen(
  election: Election,
  satisfies: (leader: Leader) => boolean,
): Promise<Leader> {
  for await (const leader of election.observe()) if (leader && satisfies(leader)) return leader;
  throw new Error('the client was closed');
}
