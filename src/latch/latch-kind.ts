import { LeaseholdError } from '../core/errors.ts';
import { count as whole } from '../core/state.ts';
import type { StateKind } from '../state/kind.ts';

export interface LatchState {
  /** From how many it is counted down. */
  readonly count: number;
  readonly left: number;
  /** Each reset begins another one; from 1. */
  readonly round: number;
  /** The last round in which it was counted down to the end; 0 if there is none. */
  readonly opened: number;
}

export type LatchOperation = { readonly do: 'down'; readonly n: number } | { readonly do: 'reset' };

/** A latch as a program states it; its operations result in how much is left. */
export function latchKind(
  name: string,
  count: number,
): StateKind<LatchState, LatchOperation, number> {
  return {
    name: 'latch',
    initial: { count, left: count, round: 1, opened: 0 },
    read: ({ fields }) => {
      const [of, left] = [whole(fields.get('count')), whole(fields.get('left'))];
      const [round, opened] = [whole(fields.get('round')), whole(fields.get('opened'))];
      return latchOf(of, left, round, opened);
    },
    fields: ({ count: of, left, round, opened }) => ({
      count: String(of),
      left: String(left),
      round: String(round),
      opened: String(opened),
    }),
    apply: (state, operation) => {
      if (operation.do === 'reset') {
        const isUntouched = state.left === count && state.count === count;
        const anew = { ...state, count, left: count, round: state.round + 1 };
        return { state: isUntouched ? state : anew, result: count };
      }
      checkAgreed(name, count, state);
      const left = Math.max(0, state.left - operation.n);
      if (state.left === 0) return { state, result: 0 };
      const opened = left === 0 ? state.round : state.opened;
      return { state: { ...state, left, opened }, result: left };
    },
    note: ({ count: of, left, round, opened }) => [of, left, round, opened].join(':'),
    recall: (note) => {
      const [of, left, round, opened] = note.split(':').map(whole);
      return latchOf(of, left, round, opened);
    },
  };
}

/** @throws LeaseholdError `STATE_DISAGREES` */
export function checkAgreed(name: string, stated: number, { count }: LatchState): void {
  if (count === stated) return;
  throw new LeaseholdError(
    'STATE_DISAGREES',
    `latch ${name} is counted down from ${String(count)}, and this program states ${String(stated)}: state the same everywhere, or begin anew with reset()`,
  );
}

function latchOf(
  of: number | undefined,
  left: number | undefined,
  round: number | undefined,
  opened: number | undefined,
): LatchState | undefined {
  if (of === undefined || left === undefined) return undefined;
  if (round === undefined || opened === undefined) return undefined;
  return { count: of, left, round, opened };
}
