import type { StateRecord } from '../core/state.ts';

/**
 * One kind of state: how it stands in the record, and what operations make of it. All of it is pure.
 * An operation that changes nothing gives back the very state that it was given.
 */
export interface StateKind<State, Operation, Result> {
  /** As in the record: `kind=<name>`. */
  readonly name: string;
  /** Where there is no Lease. */
  readonly initial: State;
  /** Each operation is written by itself: the note does not tell enough for several. */
  readonly isAlone?: boolean;
  /** Undefined when it cannot be read. */
  read(record: StateRecord): State | undefined;
  /** The pairs of the annotation. */
  fields(state: State): Record<string, string>;
  /** Annotations besides, each by its key without the prefix. */
  entries?(state: State): { readonly prefix: string; readonly texts: ReadonlyMap<string, string> };
  /** @throws LeaseholdError when this operation is refused; it changes nothing then */
  apply(state: State, operation: Operation): { readonly state: State; readonly result: Result };
  /** What the results of operations depend on: without spaces, and short. */
  note(state: State): string;
  /** A state on which operations have the results that they have on the one that was noted. */
  recall(note: string): State | undefined;
}
