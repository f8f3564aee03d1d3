import type { LockTarget } from './context.ts';

/** How long a far waiter may leave events unread, and what it takes a handoff to last at least. */
export const MOST_REST_MS = 200;
const SHORTEST_HANDOFF_MS = 2;
/** From this place on a waiter looks at every event. */
export const NEAR = 2;

/** Lets a waiter far back in the queue leave the events of others unread for as long as its turn is away. */
export class FarWaiter {
  readonly #target: LockTarget;
  #last: { index: number; at: number; handoff: number } | undefined;

  constructor(target: LockTarget) {
    this.#target = target;
  }

  /** @param index - its place in the queue, from 0 */
  rest(index: number): void {
    const now = this.#target.context.parts.clock.now();
    const last = this.#last;
    let handoff = last?.handoff ?? SHORTEST_HANDOFF_MS;
    if (last && last.index > index) handoff = (now - last.at) / (last.index - index);
    if (last?.index !== index) this.#last = { index, at: now, handoff };
    if (index <= NEAR) return;
    const turn = (index - NEAR) * Math.max(SHORTEST_HANDOFF_MS, handoff) * 0.6;
    this.#target.view.rest(Math.min(MOST_REST_MS, turn));
  }
}
