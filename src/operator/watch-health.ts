import type { Clock } from '../core/clock.ts';

/** What is watched: all Pods, and those Leases that are locks. */
export type WatchedKind = 'pods' | 'leases';

/** How the watches of one kind are. */
export interface KindHealth {
  readonly kind: WatchedKind;
  /** When the one that has been silent for longest was last heard: milliseconds since the epoch. */
  readonly heardAt: number | undefined;
  /** How often all was read anew. */
  readonly lists: number;
  /** How often one ended by a failure. */
  readonly interruptions: number;
}

interface Watch {
  readonly kind: WatchedKind;
  heardAt: number | undefined;
  lists: number;
  interruptions: number;
}

/** Whether the watches are heard. Bookmarks come about once a minute, also where nothing happens. */
export class WatchHealth {
  readonly #clock: Clock;
  readonly #watches: Watch[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Another watch; what it returns is to be told what happens to it. */
  add(kind: WatchedKind): { listed(): void; heard(): void; interrupted(): void } {
    const watch: Watch = { kind, heardAt: undefined, lists: 0, interruptions: 0 };
    this.#watches.push(watch);
    const heard = (): void => {
      watch.heardAt = this.#clock.wall();
    };
    return {
      listed: () => {
        watch.lists += 1;
        heard();
      },
      heard,
      interrupted: () => {
        watch.interruptions += 1;
      },
    };
  }

  all(): KindHealth[] {
    const kinds = Map.groupBy(this.#watches, ({ kind }) => kind);
    return [...kinds].map(([kind, watches]) => {
      const heard = watches.map(({ heardAt }) => heardAt).filter((at) => at !== undefined);
      return {
        kind,
        heardAt: heard.length === watches.length ? Math.min(...heard) : undefined,
        lists: watches.reduce((sum, { lists }) => sum + lists, 0),
        interruptions: watches.reduce((sum, { interruptions }) => sum + interruptions, 0),
      };
    });
  }
}
