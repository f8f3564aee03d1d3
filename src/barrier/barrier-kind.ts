import { LeaseholdError } from '../core/errors.ts';
import { count as whole, PARTY_PREFIX } from '../core/state.ts';
import type { StateKind } from '../state/kind.ts';

const NONE = '-';

export interface BarrierState {
  readonly parties: number;
  /** Tells the generations after one reset from those before it: an id that is never used again. */
  readonly era: string;
  readonly generation: number;
  /** Somebody of this generation gave up, or has died: it stays so until it is reset. */
  readonly isBroken: boolean;
  /** The era before this one, and the generation that its end has broken. */
  readonly previous: string;
  readonly abandoned: number;
  /** Those of this generation that have arrived: the text of the entry of each, by its attempt id. */
  readonly arrived: ReadonlyMap<string, string>;
}

/** What somebody waits for who has arrived. */
export interface Joined {
  readonly era: string;
  readonly generation: number;
}

export type Fate = 'passed' | 'broken' | 'waiting';

export type BarrierOperation =
  | { readonly do: 'arrive'; readonly id: string; readonly text: string }
  /** Breaks the generation, if this one is still in it. */
  | ({ readonly do: 'break'; readonly id: string } & Joined)
  /** @param era - used by nothing else */
  | { readonly do: 'reset'; readonly era: string };

/** A barrier as a program states it. Arriving results in what is waited for. */
export function barrierKind(
  name: string,
  parties: number,
): StateKind<BarrierState, BarrierOperation, Joined> {
  return {
    name: 'barrier',
    initial: {
      parties,
      era: NONE,
      generation: 1,
      isBroken: false,
      previous: NONE,
      abandoned: 0,
      arrived: new Map(),
    },
    isAlone: true,
    read: ({ lease, fields }) => {
      const arrived = new Map<string, string>();
      for (const [key, text] of Object.entries(lease.metadata.annotations ?? {})) {
        if (key.startsWith(PARTY_PREFIX)) arrived.set(key.slice(PARTY_PREFIX.length), text);
      }
      return barrierOf(
        ['parties', 'era', 'generation', 'broken', 'previous', 'abandoned'].map(
          (key) => fields.get(key) ?? '',
        ),
        arrived,
      );
    },
    fields: (state) => ({
      parties: String(state.parties),
      era: state.era,
      generation: String(state.generation),
      broken: state.isBroken ? '1' : '0',
      previous: state.previous,
      abandoned: String(state.abandoned),
    }),
    entries: ({ arrived }) => ({ prefix: PARTY_PREFIX, texts: arrived }),
    apply: (state, operation) => {
      switch (operation.do) {
        case 'arrive':
          return arrive(name, parties, state, operation);
        case 'break':
          return { state: broken(state, operation), result: operation };
        case 'reset':
          return { state: reset(state, parties, operation.era), result: state };
      }
    },
    note: (state) =>
      [
        state.parties,
        state.era,
        state.generation,
        state.isBroken ? 1 : 0,
        state.previous,
        state.abandoned,
        state.arrived.size,
      ].join(':'),
    recall: (note) => {
      const texts = note.split(':');
      // Who they were makes no difference to whoever arrives.
      const size = whole(texts[6]) ?? 0;
      const anybody = Array.from(
        { length: size },
        (_, index) => [`#${String(index)}`, ''] as const,
      );
      return barrierOf(texts, new Map(anybody));
    },
  };
}

/** What has become of the generation that somebody waits in. */
export function fateOf(state: BarrierState, id: string, { era, generation }: Joined): Fate {
  if (state.era === era) {
    if (state.generation > generation) return 'passed';
    const isWaiting = state.generation === generation && !state.isBroken && state.arrived.has(id);
    return isWaiting ? 'waiting' : 'broken';
  }
  return state.previous === era && generation < state.abandoned ? 'passed' : 'broken';
}

export function brokenBarrier(name: string): LeaseholdError {
  return new LeaseholdError(
    'BROKEN',
    `barrier ${name} is broken: one of its parties gave up or has died while others waited, or it was reset; when all know of it, begin anew with reset()`,
  );
}

function arrive(
  name: string,
  parties: number,
  state: BarrierState,
  { id, text }: BarrierOperation & { do: 'arrive' },
): { state: BarrierState; result: Joined } {
  if (state.parties !== parties) {
    throw new LeaseholdError(
      'STATE_DISAGREES',
      `barrier ${name} is of ${String(state.parties)} parties, and this program states ${String(parties)}: state the same everywhere, or begin anew with reset()`,
    );
  }
  if (state.isBroken) throw brokenBarrier(name);
  // The first of all names the era: after a deletion nobody takes a new barrier for the old one.
  const era = state.era === NONE ? id : state.era;
  const { generation } = state;
  const arrived = new Map(state.arrived).set(id, text);
  const result = { era, generation };
  if (arrived.size < parties) return { state: { ...state, era, arrived }, result };
  return { state: { ...state, era, generation: generation + 1, arrived: new Map() }, result };
}

function broken(state: BarrierState, { id, era, generation }: Joined & { id: string }) {
  const isIn = state.era === era && state.generation === generation && state.arrived.has(id);
  return isIn ? { ...state, isBroken: true, arrived: new Map<string, string>() } : state;
}

function reset(state: BarrierState, parties: number, era: string): BarrierState {
  const isUntouched = !state.isBroken && state.arrived.size === 0 && state.parties === parties;
  if (isUntouched) return state;
  const { generation } = state;
  return {
    parties,
    era,
    generation: generation + 1,
    isBroken: false,
    previous: state.era,
    abandoned: generation,
    arrived: new Map(),
  };
}

function barrierOf(
  [of, era, generationText, broke, previous, abandonedText]: readonly string[],
  arrived: ReadonlyMap<string, string>,
): BarrierState | undefined {
  const parties = whole(of);
  const generation = whole(generationText);
  const abandoned = whole(abandonedText);
  if (parties === undefined || generation === undefined || abandoned === undefined)
    return undefined;
  if (!era || !previous || (broke !== '0' && broke !== '1')) return undefined;
  return { parties, era, generation, isBroken: broke === '1', previous, abandoned, arrived };
}
