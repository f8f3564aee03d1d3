/** Of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return sum(middle) / middle.length;
}

/** By nearest rank: of fewer than a hundred the 99th percentile is the worst. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** 1 when all have the same share, 1/n when one has everything: Jain, Chiu and Hawe (1984). */
export function jainIndex(shares: readonly number[]): number {
  const squares = sum(shares.map((share) => share * share));
  return sum(shares) ** 2 / (shares.length * squares);
}

/** The machine's monotonic clock in milliseconds: the same in every process. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
