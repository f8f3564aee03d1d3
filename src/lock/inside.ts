import { AsyncLocalStorage } from 'node:async_hooks';
import type { Held } from './held.ts';

/** The holds of the `run` calls that the current code runs inside of, by cohort; those of semaphores by themselves. */
export const inside = new AsyncLocalStorage<ReadonlyMap<object, Held>>();
