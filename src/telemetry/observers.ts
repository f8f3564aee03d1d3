import type { LeaseholdEvent, Observer } from '../core/events.ts';

/**
 * One observer out of many. An observer that throws is reported once and changes nothing: a hook of
 * the application must not make a lock fail.
 */
export function fanOut(
  observers: readonly Observer[],
  onFailure: (error: unknown, event: LeaseholdEvent) => void,
): Observer {
  const [only] = observers;
  if (!only) return () => undefined;
  let reported = false;
  return (event) => {
    for (const observe of observers) {
      try {
        observe(event);
      } catch (error) {
        if (!reported) onFailure(error, event);
        reported = true;
      }
    }
  };
}
