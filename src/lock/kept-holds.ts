import type { WaitKind } from '../core/waits.ts';
import { Hold } from './held.ts';
import type { Held } from './held.ts';
import { HoldAll } from './held-all.ts';
import type { HeldAll } from './held-all.ts';
import { inside } from './inside.ts';

/** Whether a wait ends when it is found in a deadlock; see `docs/deadlocks.md`. */
export type DetectDeadlock =
  | boolean
  | {
      /** Holds that are kept until the wait ends, besides those of the `run` calls around it. */
      readonly holding: readonly (Held | HeldAll)[];
    };

/** The holds that the caller of a wait has meanwhile, and what is known of that. */
export interface KeptHolds {
  readonly kind: WaitKind;
  readonly holds: readonly Hold[];
}

/**
 * @param acquired - by the same call, which gives them back when it fails
 */
export function keptHolds(
  detectDeadlock: DetectDeadlock | undefined,
  acquired: readonly Held[],
): readonly KeptHolds[] {
  const around = [...(inside.getStore()?.values() ?? [])];
  const named = typeof detectDeadlock === 'object' ? detectDeadlock.holding : [];
  const all: readonly KeptHolds[] = detectDeadlock
    ? [{ kind: 'yields', holds: holdsOf([...around, ...named, ...acquired]) }]
    : [
        { kind: 'inside', holds: holdsOf(around) },
        { kind: 'awaited', holds: holdsOf(acquired) },
      ];
  return all.filter(({ holds }) => holds.length > 0);
}

function holdsOf(held: readonly (Held | HeldAll)[]): readonly Hold[] {
  const each = held.flatMap((one): readonly unknown[] =>
    one instanceof HoldAll ? one.holds : [one],
  );
  const holds = [...new Set(each)].filter((one) => one instanceof Hold);
  // Of a `run` that has ended, what it began may still go on.
  return holds.filter(({ attempt }) => attempt !== undefined);
}
