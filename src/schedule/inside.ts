import { AsyncLocalStorage } from 'node:async_hooks';
import type { LiveRun } from './live-run.ts';

/** The run whose work the code that asks belongs to. */
export const inside = new AsyncLocalStorage<LiveRun>();
