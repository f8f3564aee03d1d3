/**
 * What `leasehold exec` and its watchdog tell each other over the channel between them. Moments are
 * milliseconds of {@link machineNow}.
 */

/** Until when the command may run, and when it must be dead at the latest. */
export interface Deadline {
  /** The end of validity: SIGTERM. */
  readonly validUntil: number;
  /** SIGKILL. */
  readonly killAt: number;
}

export interface CommandLine {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * `terminal`: the command takes over the terminal; `none`: it reads nothing, as leasehold itself
   * is in the background of a terminal; `inherit`: it reads what leasehold would read.
   */
  readonly input: 'terminal' | 'inherit' | 'none';
}

export type ToWatchdog =
  | { readonly type: 'start'; readonly line: CommandLine; readonly deadline: Deadline }
  | { readonly type: 'extend'; readonly deadline: Deadline }
  /** The lock is lost: end the command now. */
  | { readonly type: 'end'; readonly killAt: number }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  /** After `stopped`: let it go on, in the foreground of the terminal or in the background. */
  | { readonly type: 'resume'; readonly foreground: boolean };

export type FromWatchdog =
  | { readonly type: 'started'; readonly group: number }
  /** The command in the terminal was suspended, by Ctrl-Z for example. */
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** The command ended, and nothing of its process group is left. */
  | {
      readonly type: 'ended';
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      /** The watchdog ended it: a deadline had passed, or it was told to. */
      readonly terminated: boolean;
      /** Processes that it had left behind had to be ended. */
      readonly leftovers: boolean;
    };

/**
 * Milliseconds on the machine's monotonic clock, which all of its processes share
 * (`performance.now()` begins anew in each).
 */
export function machineNow(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
