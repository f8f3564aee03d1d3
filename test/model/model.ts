/** A copy of the state, to be changed into one that may come next. */
export type Next<S> = () => S;

/** What one actor does, or what happens to it. */
type Action<S> = (now: S, actor: number, next: Next<S>) => void;

/** What the explorer has to know of a model. */
export interface Model<S extends { copy(from: S): void }> {
  /** Honest steps: progress may count on each of them. */
  readonly steps: readonly Action<S>[];
  /** Faults, newcomers and strangers: may happen, and need not. */
  readonly events: readonly Action<S>[];
  readonly actors: number;
  readonly encoding: {
    /** Bytes of an encoded state. */
    readonly size: number;
    encode(state: S): { bytes: Uint8Array; order: number };
    decode(bytes: Uint8Array, from: number, state: S): void;
    /** Which actor of the state stands at this place of its encoded form. */
    actorAt(place: number, order: number): number;
  };
  initial(): S;
  /** A state to be overwritten. */
  blank(): S;
  /** What is wrong with a state. */
  violation(state: S): string | undefined;
  /** Whether the actor lives and wants to be served. */
  waits(state: S, actor: number): boolean;
  served(state: S, actor: number): boolean;
  /** One line of a trace. @param names - by index, what the actor was called at the start */
  describe(state: S, names: readonly number[]): string;
}
