/** `info` is neither good nor bad: there is nothing to be done about it. */
export type Level = 'good' | 'info' | 'warning' | 'bad';

/** What one check has found. */
export interface Finding {
  /** Stable, for programs. */
  readonly check: string;
  readonly level: Level;
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** For programs: numbers with their unit in the name. */
  readonly data?: Readonly<Record<string, unknown>>;
}
