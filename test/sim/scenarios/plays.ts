import { MACHINES } from '../faults/machines.ts';
import { CLUMSY, PEOPLE } from '../faults/people.ts';
import { ETCD, SERVERS } from '../faults/servers.ts';
import { ALL_REQUEST_FAULTS } from '../faults/trouble.ts';
import { Stage } from '../stage.ts';
import type { Play } from '../stage.ts';
import type { Scenario } from '../scenario.ts';
import { Dice } from '../world/dice.ts';
import { seeded } from '../world/random.ts';

const EVERYTHING = { ...MACHINES, ...SERVERS, ...PEOPLE };

/** What a restore may meet: nothing that would hide for longer than a ttl what has changed. */
const AROUND_A_RESTORE = {
  pause: MACHINES.pause,
  crash: MACHINES.crash,
  'wall clock set': MACHINES['wall clock set'],
  'events repeated': SERVERS['events repeated'],
  'label edited': PEOPLE['label edited'],
  ...ETCD,
};

const USUAL: Play = {
  locks: ['x', 'y'],
  elections: [],
  processes: 4,
  supervised: 0,
  mended: 0.3,
  rounds: [
    { trouble: 40_000, calm: 10_000 },
    { trouble: 20_000, calm: 40_000 },
  ],
  // Two ttl until an entry that nobody stands for is asked about, a third until the answer; and clocks.
  mostIdle: 30_000,
  mishaps: EVERYTHING,
  requests: ALL_REQUEST_FAULTS,
  longest: 15_000,
};

/** Of each seed one, in turn. */
export const PLAYS: readonly Scenario[] = [
  play('locks', USUAL),
  play('elections', { ...USUAL, locks: [], elections: ['controller'] }),
  play('supervisor', { ...USUAL, elections: ['controller'], supervised: 1 }),
  play('people', { ...USUAL, elections: ['controller'], mishaps: { ...EVERYTHING, ...CLUMSY } }),
  // Each entry that comes back and that nobody stands for costs two ttl, one after the other.
  play('restore', { ...USUAL, mishaps: AROUND_A_RESTORE, mostIdle: 120_000 }),
  play('mixed', {
    ...USUAL,
    locks: ['x', 'y', 'z'],
    elections: ['controller'],
    supervised: 0.4,
    mishaps: { ...EVERYTHING, ...CLUMSY },
  }),
];

/** Many read, few write. */
export const readers = play('readers', { ...USUAL, supervised: 0.3, reads: 0.7 });

/** Some want few permits, some want all. */
export const permits = play('permits', { ...USUAL, supervised: 0.3, permits: 3 });

/** Every play has what goes wrong with machines, servers and people; seeds leave out some of it. */
function play(name: string, how: Play): Scenario {
  return {
    name,
    run: (world, seed) => new Stage(world, new Dice(seeded(seed * 7_919)), how).run(),
  };
}
