import type { Mishap } from './mishap.ts';

/** What becomes of processes and their machines. */
export const MACHINES = {
  pause: {
    weight: 2,
    befall: ({ victim, duration, later }) => {
      victim.host.pause();
      later(duration, () => victim.host.resume());
      return victim.name;
    },
  },
  /** Its event loop is busy with something else: timers are late, and so is all that arrives. */
  stall: {
    weight: 1,
    befall: ({ victim, duration }) => {
      victim.host.stall(duration / 3);
      return victim.name;
    },
  },
  cut: {
    weight: 2,
    befall: ({ victim, duration, later }) => {
      victim.host.cut = true;
      later(duration, () => (victim.host.cut = false));
      return victim.name;
    },
  },
  /** Slow for a while, all of it, and then gone: what it relied on last has just been answered. */
  'slow, then cut': {
    weight: 1,
    befall: ({ victim, duration, dice, later }) => {
      const { network } = victim.requests;
      const slowness = dice.between(200, 1_600);
      network.slowness = dice.chance(0.5)
        ? { there: slowness, back: 0 }
        : { there: 0, back: slowness };
      later(duration / 2, () => {
        network.slowness = { there: 0, back: 0 };
        victim.host.cut = true;
        later(duration, () => (victim.host.cut = false));
      });
      return victim.name;
    },
  },
  'slow, then paused': {
    weight: 1,
    befall: ({ victim, duration, dice, later }) => {
      const { network } = victim.requests;
      network.slowness = { there: 0, back: dice.between(200, 1_600) };
      later(duration / 2, () => {
        network.slowness = { there: 0, back: 0 };
        victim.host.pause();
        later(duration, () => victim.host.resume());
      });
      return victim.name;
    },
  },
  crash: {
    weight: 1.5,
    befall: ({ victim, crashed }) => {
      victim.crash();
      crashed(victim);
      return victim.name;
    },
  },
  'wall clock set': {
    weight: 0.5,
    befall: ({ victim, dice }) => {
      victim.host.skew = dice.between(-600_000, 600_000);
      return victim.name;
    },
  },
} satisfies Record<string, Mishap>;
