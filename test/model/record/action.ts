import type { Next as NextOf } from '../model.ts';
import type { State } from './state.ts';

export type Next = NextOf<State>;

/**
 * Something that one process does, or that happens to it: a guard, and for each way in which it can
 * come out one state that comes next. Its name is what traces and docs/protocol.md call it.
 */
export type Action = (now: State, p: number, next: Next) => void;
