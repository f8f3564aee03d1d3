import type { Figure, Sample } from './sample.ts';

/** How a figure has developed, and whether that is flat. */
export interface Verdict {
  readonly figure: Figure;
  /** The mean of each third of the samples after the warm-up. */
  readonly thirds: readonly [number, number, number];
  /** By how much it grew from the warm-up to the end, by the line of least squares. */
  readonly growth: number;
  readonly limit: number;
  readonly flat: boolean;
}

const MIB = 1024 * 1024;

/** How much of the run does not count: code is compiled, caches and pools fill. */
const WARM_UP = 0.25;

/**
 * What may come and go between two samples of something that does not grow. A leak of 100 bytes for
 * each operation shows after 20,000 of them.
 */
const LIMITS: Record<Figure, { readonly part: number; readonly least: number }> = {
  heap: { part: 0.05, least: MIB },
  external: { part: 0.1, least: MIB },
  // The kernel gets pages back when the allocator likes.
  rss: { part: 0.1, least: 8 * MIB },
  descriptors: { part: 0.1, least: 4 },
  handles: { part: 0, least: 2 },
  timers: { part: 0, least: 3 },
  listeners: { part: 0, least: 0.5 },
};

/** Whether there was as much to do in the last third as in the first: else flat says nothing. */
export interface LoadVerdict {
  /** Operations in a second, in each third of the samples after the warm-up. */
  readonly thirds: readonly [number, number, number];
  readonly even: boolean;
}

/** The largest third by the smallest. */
const MOST_UNEVEN = 1.2;

export function judgeLoad(samples: readonly Sample[], duration: number): LoadVerdict {
  const thirds = thirdsOf(counted(samples, duration).map(({ rate }) => rate));
  const least = Math.min(...thirds);
  return { thirds, even: least > 0 && Math.max(...thirds) <= MOST_UNEVEN * least };
}

const FIGURES = Object.keys(LIMITS) as Figure[];

/** @param duration - of the whole run, in the unit of {@link Sample.at} */
export function judge(samples: readonly Sample[], duration: number): Verdict[] {
  return FIGURES.map((figure) => {
    const points = counted(samples, duration).map((sample) => ({
      x: sample.at,
      y: sample[figure],
    }));
    const thirds = thirdsOf(points.map(({ y }) => y));
    const span = (points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0);
    const growth = slope(points) * span;
    const { part, least } = LIMITS[figure];
    const limit = Math.max(thirds[0] * part, least);
    // A leak shows in both; an outlier at an end bends the line alone.
    const flat = points.length >= 3 && (growth <= limit || thirds[2] - thirds[0] <= limit / 2);
    return { figure, thirds, growth, limit, flat };
  });
}

function counted(samples: readonly Sample[], duration: number): Sample[] {
  return samples.filter(({ at }) => at >= duration * WARM_UP);
}

function thirdsOf(values: readonly number[]): [number, number, number] {
  const third = Math.max(1, Math.floor(values.length / 3));
  return [
    mean(values.slice(0, third)),
    mean(values.slice(third, values.length - third)),
    mean(values.slice(-third)),
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / Math.max(1, values.length);
}

/** Of the line of least squares. */
function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const x = mean(points.map((point) => point.x));
  const y = mean(points.map((point) => point.y));
  const spread = points.reduce((total, point) => total + (point.x - x) ** 2, 0);
  if (spread === 0) return 0;
  return points.reduce((total, point) => total + (point.x - x) * (point.y - y), 0) / spread;
}
