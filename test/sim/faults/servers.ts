import type { Mishap } from './mishap.ts';

/** What becomes of API servers, etcd, and the watches that they serve. */
export const SERVERS = {
  'watch cut': {
    weight: 1,
    befall: ({ victim, dice }) => {
      const watch = dice.pick([...victim.requests.watches]);
      watch?.cut();
      return watch && victim.name;
    },
  },
  'watch silent': {
    weight: 0.7,
    befall: ({ victim, dice, duration, later }) => {
      const watch = dice.pick([...victim.requests.watches]);
      if (!watch) return undefined;
      watch.silence();
      later(duration * 4, () => watch.reset());
      return victim.name;
    },
  },
  'watch expired (410)': {
    weight: 0.5,
    befall: ({ victim, dice }) => {
      const watch = dice.pick([...victim.requests.watches]);
      watch?.expire();
      return watch && victim.name;
    },
  },
  'events repeated': {
    weight: 1,
    befall: ({ victim, dice }) => {
      const watch = dice.pick([...victim.requests.watches]);
      watch?.repeat(1 + dice.below(3));
      return watch && victim.name;
    },
  },
  /** Its watch cache is behind: of two objects, the later change may be told first. */
  'watch cache behind': {
    weight: 0.5,
    befall: ({ world, dice, duration, later }) => {
      const server = dice.pick(world.controlPlane.servers);
      if (!server || server.lag > 0) return undefined;
      server.lag = dice.between(100, 3_000);
      world.cacheLag = 1 + dice.below(3);
      later(duration, () => {
        server.lag = 0;
        world.cacheLag = 0;
      });
      return 'an API server';
    },
  },
  'API server restarted': {
    weight: 0.4,
    befall: ({ world, dice, duration, later }) => {
      const server = dice.pick(world.controlPlane.servers);
      if (!server?.up) return undefined;
      server.stop();
      if (dice.chance(0.3)) world.compactedBefore = world.store.revision;
      later(duration / 3, () => (server.up = true));
      return 'an API server';
    },
  },
  /** Its clients go to the other one. */
  'API server failed over': {
    weight: 0.4,
    befall: ({ world, dice, duration, later }) => {
      const [a, b] = world.controlPlane.servers;
      const [from, to] = dice.chance(0.5) ? [a, b] : [b, a];
      if (!from?.up || !to?.up) return undefined;
      from.stop();
      for (const { requests } of world.processes) {
        if (requests.network.server === from) requests.network.server = to;
      }
      later(duration / 3, () => (from.up = true));
      return 'an API server';
    },
  },
  'too many requests (429)': {
    weight: 0.3,
    befall: ({ world, dice, duration, later }) => {
      const stop = world.inject(() =>
        dice.chance(0.8)
          ? { kind: 'refuse', status: 429, retryAfter: dice.below(2) * 1_000 }
          : undefined,
      );
      later(duration / 4, stop);
      return 'everybody';
    },
  },
  'server errors (5xx)': {
    weight: 0.3,
    befall: ({ world, dice, duration, later }) => {
      const stop = world.inject(() =>
        dice.chance(0.8) ? { kind: 'fail', status: 503, done: dice.chance(0.3) } : undefined,
      );
      later(duration / 4, stop);
      return 'everybody';
    },
  },
} satisfies Record<string, Mishap>;

const RESTORE_AT_MOST_EVERY_MS = 20_000;

/** What invalidates all that was ever promised. */
export const ETCD = {
  'etcd restored': {
    weight: 0.6,
    befall: ({ world, dice }) => {
      const { now } = world.time;
      if (now - world.restoredAt < RESTORE_AT_MOST_EVERY_MS) return undefined;
      world.restore(world.store.revision - dice.below(60));
      return 'etcd';
    },
  },
} satisfies Record<string, Mishap>;
