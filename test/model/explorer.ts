import type { Model } from './model.ts';
import { whoIsStuck } from './progress.ts';
import type { HonestSteps } from './progress.ts';
import { Integers, States } from './storage.ts';
import { traceTo } from './trace.ts';
import type { Trace } from './trace.ts';

interface Finding {
  readonly what: string;
  /** The shortest way there, a step a line. */
  readonly trace: readonly string[];
}

export interface Exploration {
  readonly states: number;
  /** Steps on the way to the state that is furthest away. */
  readonly depth: number;
  readonly seconds: number;
  readonly finding: Finding | undefined;
  /** False if the limit was reached first: then progress was not looked at. */
  readonly complete: boolean;
}

/**
 * Every state that can be reached, breadth first, so that what is found is found on a shortest way.
 * Safety is looked at in each state, progress in the end: from each state, each actor that waits must be
 * able to be served by honest steps alone (AG EF).
 */
export function explore<S extends { copy(from: S): void }>(
  model: Model<S>,
  mostStates: number,
): Exploration {
  const startedAt = performance.now();
  const { encoding, actors } = model;
  const states = new States(encoding.size);
  const parents = new Integers();
  const honest: HonestSteps = {
    first: new Integers(),
    targets: new Integers(),
    standing: new Integers(),
  };
  const now = model.blank();
  const pool: S[] = [];
  let used = 0;
  const next = (): S => {
    const state = (pool[used] ??= model.blank());
    used += 1;
    state.copy(now);
    return state;
  };
  const result = (finding: Finding | undefined, complete: boolean): Exploration => ({
    states: states.length,
    depth,
    seconds: (performance.now() - startedAt) / 1_000,
    finding,
    complete,
  });
  const trace = (number: number): Trace => traceTo(model, states, parents, number);

  states.add(encoding.encode(model.initial()).bytes);
  parents.push(-1);
  let depth = 0;
  let layerEnd = 1;
  for (let number = 0; number < states.length; number += 1) {
    if (number === layerEnd) {
      layerEnd = states.length;
      depth += 1;
    }
    const { chunk, from } = states.at(number);
    encoding.decode(chunk, from, now);
    let standing = 0;
    for (let actor = 0; actor < actors; actor += 1) {
      if (model.served(now, actor)) standing |= 1 << actor;
      if (model.waits(now, actor)) standing |= 16 << actor;
    }
    honest.standing.push(standing);
    honest.first.push(honest.targets.length);
    used = 0;
    for (let actor = 0; actor < actors; actor += 1) {
      for (const step of model.steps) step(now, actor, next);
    }
    const honestUntil = used;
    for (let actor = 0; actor < actors; actor += 1) {
      for (const event of model.events) event(now, actor, next);
    }
    for (let index = 0; index < used; index += 1) {
      const state = pool[index] ?? now;
      const broken = model.violation(state);
      const { bytes, order } = encoding.encode(state);
      const found = states.add(bytes);
      const target = found < 0 ? -found - 1 : found;
      if (found < 0) parents.push(number);
      if (broken !== undefined) {
        // Known already as a state, and broken only by how it was reached: the step itself counts.
        const { lines } = trace(found < 0 ? target : number);
        return result({ what: broken, trace: found < 0 ? lines : [...lines, broken] }, true);
      }
      if (index < honestUntil) honest.targets.push(target * 8 + order);
    }
    if (states.length > mostStates) return result(undefined, false);
  }
  const stuck = whoIsStuck(model, honest, states.length);
  if (!stuck) return result(undefined, true);
  const { lines, names } = trace(stuck.number);
  const who = `P${String(names[stuck.actor])}`;
  return result({ what: `${who} lives and waits, and can never be served`, trace: lines }, true);
}
