import type { State } from './state.ts';

/** A copy of the state, to be changed into one that may come next. */
export type Next = () => State;

/**
 * Something that one process does, or that happens to it: a guard, and for each way in which it can
 * come out one state that comes next. Its name is what traces and docs/protocol.md call it.
 */
export type Action = (now: State, p: number, next: Next) => void;
