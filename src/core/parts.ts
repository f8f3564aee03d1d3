import type { Clock, Random } from './clock.ts';
import type { Observer } from './events.ts';

/** What every layer is given instead of reaching for globals. */
export interface Parts {
  readonly clock: Clock;
  readonly random: Random;
  readonly observe: Observer;
}
