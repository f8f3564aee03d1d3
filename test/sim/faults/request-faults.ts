import type { Dice } from '../world/dice.ts';
import type { Fault, SentRequest, Verb } from '../world/network.ts';

interface Kind {
  readonly weight: number;
  readonly make: (dice: Dice) => Fault;
  /** Makes no sense for the opening of a watch. */
  readonly notOnWatches?: boolean;
}

/** What can go wrong with one request, whatever happens to the others. */
export const REQUEST_FAULTS = {
  unsent: { weight: 1, make: () => ({ kind: 'unsent' }) },
  busy: {
    weight: 1,
    make: (dice) => ({ kind: 'refuse', status: 429, retryAfter: dice.below(2) * 1_000 }),
  },
  proxy: { weight: 0.5, make: (dice) => ({ kind: 'proxy', status: dice.pick([404, 502]) ?? 404 }) },
  failed: {
    weight: 1,
    make: (dice) => ({
      kind: 'fail',
      status: dice.pick([500, 503, 504]) ?? 500,
      done: dice.chance(0.5),
    }),
  },
  'lost request': {
    weight: 1,
    make: (dice) => ({ kind: 'lose-request', after: dice.below(1_000) }),
  },
  'lost answer': {
    weight: 1.5,
    make: (dice) => ({ kind: 'lose-answer', after: dice.below(1_000) }),
    notOnWatches: true,
  },
  slow: {
    weight: 1,
    make: (dice) => ({ kind: 'slow', there: dice.below(3_000), back: dice.below(3_000) }),
    notOnWatches: true,
  },
  late: {
    weight: 2,
    make: (dice) => ({ kind: 'late', after: dice.below(300), lands: dice.below(20_000) }),
    notOnWatches: true,
  },
} satisfies Record<string, Kind>;

export type RequestFault = keyof typeof REQUEST_FAULTS;

/** Writes decide, so they are hit most; heartbeats are most of them. */
const RATE: Record<Verb, number> = {
  get: 0.7,
  list: 0.7,
  create: 1.5,
  replace: 1.2,
  patch: 1.5,
  remove: 1.5,
  watch: 0.5,
};

/** Decides what goes wrong with a request: of the given kinds, at this rate. */
export function requestFault(
  kinds: readonly RequestFault[],
  rate: number,
  dice: Dice,
): (request: SentRequest) => Fault | undefined {
  const choices: Kind[] = kinds.map((kind) => REQUEST_FAULTS[kind]);
  const onWatches = choices.filter((kind) => !kind.notOnWatches);
  return ({ verb }) => {
    if (!dice.chance(rate * RATE[verb])) return undefined;
    return dice.weighted(verb === 'watch' ? onWatches : choices)?.make(dice);
  };
}
