import type { Model } from './model.ts';
import type { Integers } from './storage.ts';

/** The graph of honest steps. */
export interface HonestSteps {
  /** By state, where its steps begin in `targets`. */
  readonly first: Integers;
  /** The state that a step leads to, times eight, plus the order in which it was encoded. */
  readonly targets: Integers;
  /** By state, a bit for each actor that is served, and sixteen times that for each that waits. */
  readonly standing: Integers;
}

/**
 * AG EF: the first state in which somebody waits from where no path of honest steps leads to a
 * state in which it is served. Found backwards, from the states in which it is. As actors that are alike
 * are exchanged in encoded states, each step says who is who.
 */
export function whoIsStuck(
  model: Pick<Model<never>, 'actors' | 'encoding'>,
  { first, targets, standing }: HonestSteps,
  states: number,
): { number: number; actor: number } | undefined {
  const { actors, encoding } = model;
  // By state, where the steps that lead to it begin in `origins`.
  const begins = new Int32Array(states + 1);
  for (let step = 0; step < targets.length; step += 1) {
    const target = targets.get(step) >> 3;
    begins[target + 1] = (begins[target + 1] ?? 0) + 1;
  }
  for (let state = 0; state < states; state += 1) {
    begins[state + 1] = (begins[state + 1] ?? 0) + (begins[state] ?? 0);
  }
  const filled = begins.slice();
  const origins = new Int32Array(targets.length);
  for (let state = 0; state < states; state += 1) {
    const end = state + 1 < states ? first.get(state + 1) : targets.length;
    for (let step = first.get(state); step < end; step += 1) {
      const target = targets.get(step);
      const place = filled[target >> 3] ?? 0;
      filled[target >> 3] = place + 1;
      origins[place] = state * 8 + (target & 7);
    }
  }

  const canBeServed = new Uint8Array(states);
  const found: number[] = [];
  for (let state = 0; state < states; state += 1) {
    canBeServed[state] = standing.get(state) & 15;
    for (let actor = 0; actor < actors; actor += 1) {
      if ((standing.get(state) >> actor) & 1) found.push(state * 4 + actor);
    }
  }
  for (let last = found.pop(); last !== undefined; last = found.pop()) {
    const state = last >> 2;
    for (let step = begins[state] ?? 0; step < (begins[state + 1] ?? 0); step += 1) {
      const origin = origins[step] ?? 0;
      const from = origin >> 3;
      const actor = encoding.actorAt(last & 3, origin & 7);
      const bits = canBeServed[from] ?? 0;
      if ((bits >> actor) & 1) continue;
      canBeServed[from] = bits | (1 << actor);
      found.push(from * 4 + actor);
    }
  }

  for (let state = 0; state < states; state += 1) {
    const stuck = (standing.get(state) >> 4) & ~(canBeServed[state] ?? 0);
    for (let actor = 0; actor < actors; actor += 1) {
      if ((stuck >> actor) & 1) return { number: state, actor };
    }
  }
  return undefined;
}
