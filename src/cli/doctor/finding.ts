/** `info` is neither good nor bad: nothing has to be done about it. */
export type Level = 'good' | 'info' | 'warning' | 'bad';

/** What one check has found. Trouble is told with what to do about it. */
export type Finding = Told & (Untroubled | Trouble);

interface Told {
  /** Stable, for programs. */
  readonly check: string;
  readonly message: string;
  /** For programs: numbers with their unit in the name. */
  readonly data?: Readonly<Record<string, unknown>>;
}

interface Untroubled {
  readonly level: 'good' | 'info';
  /** What could be done. */
  readonly remedy?: string;
}

interface Trouble {
  readonly level: 'warning' | 'bad';
  readonly remedy: string;
}
