export interface Summary {
  readonly p50: number;
  readonly p99: number;
  readonly mean: number;
}

/** Milliseconds, to a hundredth. */
export function summarize(milliseconds: readonly number[]): Summary {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? NaN;
  const sum = sorted.reduce((total, value) => total + value, 0);
  return {
    p50: round(quantile(0.5)),
    p99: round(quantile(0.99)),
    mean: round(sum / sorted.length),
  };
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The machine's monotonic clock in milliseconds: the same in every process, unlike performance.now. */
export function monotonicMilliseconds(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
