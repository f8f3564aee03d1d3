import type { Model } from './model.ts';
import type { Integers, States } from './storage.ts';

export interface Trace {
  /** The steps from the initial state, each with the state after it. */
  readonly lines: readonly string[];
  /** By its index in the last state, which actor of the initial state it is. */
  readonly names: readonly number[];
}

/** The shortest way to a state. */
export function traceTo<S extends { copy(from: S): void }>(
  model: Model<S>,
  states: States,
  parents: Integers,
  number: number,
): Trace {
  const path: number[] = [];
  for (let at = number; at >= 0; at = parents.get(at)) path.unshift(at);
  // In encoded states actors change places; in the trace each keeps its name.
  let names = Array.from({ length: model.actors }, (_, actor) => actor);
  const lines: string[] = [];
  for (let index = 1; index < path.length; index += 1) {
    const from = states.at(path[index - 1] ?? 0);
    const to = states.at(path[index] ?? 0);
    const step = stepBetween(model, from, to);
    const isEvent = step.honest ? ' ' : '*';
    const who = `P${String(names[step.actor] ?? 0)}`;
    const before = names;
    names = names.map((_, place) => before[model.encoding.actorAt(place, step.order)] ?? 0);
    const state = model.blank();
    model.encoding.decode(to.chunk, to.from, state);
    const action = `${isEvent} ${who} ${step.name}`;
    lines.push(`${String(index).padStart(3)} ${action.padEnd(34)} ${model.describe(state, names)}`);
  }
  return { lines, names };
}

interface Place {
  readonly chunk: Uint8Array;
  readonly from: number;
}

function stepBetween<S extends { copy(from: S): void }>(
  model: Model<S>,
  from: Place,
  to: Place,
): { name: string; actor: number; honest: boolean; order: number } {
  const now = model.blank();
  model.encoding.decode(from.chunk, from.from, now);
  const wanted = to.chunk.subarray(to.from, to.from + model.encoding.size);
  for (const [honest, actions] of [
    [true, model.steps],
    [false, model.events],
  ] as const) {
    for (const action of actions) {
      for (let actor = 0; actor < model.actors; actor += 1) {
        const made: S[] = [];
        action(now, actor, () => {
          const state = model.blank();
          state.copy(now);
          made.push(state);
          return state;
        });
        for (const state of made) {
          const { bytes, order } = model.encoding.encode(state);
          if (bytes.every((byte, index) => byte === wanted[index])) {
            return { name: action.name, actor, honest, order };
          }
        }
      }
    }
  }
  throw new Error('no step leads from a state to the one after it');
}
