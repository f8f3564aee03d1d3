/** Passed on to the command. SIGTSTP and SIGCONT are dealt with on their own. */
export const FORWARDED_SIGNALS = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
] as const satisfies readonly NodeJS.Signals[];

type Forwarded = (typeof FORWARDED_SIGNALS)[number];

/** Those that end a wait. */
const ENDING: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']);

/** What signals mean while a command runs. */
export interface SignalReceiver {
  forward(signal: Forwarded): void;
  /** SIGTSTP: Ctrl-Z, where the command does not have the terminal itself. */
  suspend(): void;
  /** SIGCONT. */
  resume(): void;
}

/**
 * What a signal means depends on the moment: while leasehold waits it ends the wait; while the
 * command runs it is the command's; and while the lock is given back, only a second one ends the
 * program before that is done.
 */
export class SignalHandling {
  readonly #given = new AbortController();
  readonly #exit: (signal: NodeJS.Signals) => void;
  #received: NodeJS.Signals | undefined;
  #receiver: SignalReceiver | undefined;
  readonly #suspend = (): void => this.#receiver?.suspend();

  constructor(exit: (signal: NodeJS.Signals) => void) {
    this.#exit = exit;
    for (const signal of FORWARDED_SIGNALS) process.on(signal, () => this.#on(signal));
    process.on('SIGCONT', () => this.#receiver?.resume());
  }

  /** Aborts with the first signal that is not the command's. */
  get waiting(): AbortSignal {
    return this.#given.signal;
  }

  /** The signal that ended the wait. */
  get received(): NodeJS.Signals | undefined {
    return this.#received;
  }

  /** From now on they are the command's, until `undefined` is given. */
  handTo(receiver: SignalReceiver | undefined): void {
    this.#receiver = receiver;
    // Without a command, Ctrl-Z does what it always does.
    process.off('SIGTSTP', this.#suspend);
    if (receiver) process.on('SIGTSTP', this.#suspend);
  }

  #on(signal: Forwarded): void {
    if (this.#receiver) this.#receiver.forward(signal);
    else if (!ENDING.has(signal)) return;
    else if (this.#received) this.#exit(signal);
    else {
      this.#received = signal;
      this.#given.abort();
    }
  }
}
