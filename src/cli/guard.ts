import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineNow } from './messages.ts';
import type { Deadline, FromWatchdog, ToWatchdog } from './messages.ts';
import { endGroup, isRunning, signalGroup } from './process-group.ts';
import type { SignalHandling, SignalReceiver } from './signals.ts';
import { inputOfCommand, isForeground } from './terminal.ts';

/** What a command runs under: a held lock, or a term of leading. */
export interface Protection {
  readonly validFor: number;
  readonly signal: AbortSignal;
}

export interface Task {
  readonly command: readonly string[];
  /** Added to the environment. */
  readonly variables: Readonly<Record<string, string>>;
}

export type Ending =
  | { readonly kind: 'exited'; readonly code: number; readonly leftovers: boolean }
  | { readonly kind: 'signalled'; readonly signal: NodeJS.Signals; readonly leftovers: boolean }
  /** Ended because the protection was. */
  | { readonly kind: 'terminated' }
  | { readonly kind: 'not-started'; readonly code: string; readonly message: string }
  /** The watchdog died; the command was ended for it. */
  | { readonly kind: 'unwatched' };

/** Half of the margin is for SIGTERM to work; the other for SIGKILL, and for what timers lack. */
const SHARE_OF_SIGTERM = 0.5;
const SHORTEST_POLL_MS = 10;
const LONGEST_POLL_MS = 1_000;

const WATCHDOG = fileURLToPath(new URL(`./watchdog${extname(import.meta.url)}`, import.meta.url));
/**
 * Runs one command under a watchdog (`watchdog.ts`) and keeps telling that until when the command
 * may run. Started early, while the lock is still waited for, so that the command need not wait for
 * it.
 */
export class Guard implements SignalReceiver {
  readonly #margin: number;
  readonly #ownsTerminal: boolean;
  readonly #watchdog: ChildProcess;
  readonly #ended = Promise.withResolvers<Ending>();
  #group: number | undefined;
  #sent: Deadline = { validUntil: 0, killAt: 0 };
  #protection: Protection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param margin - milliseconds from the end of validity until somebody else may go on */
  constructor(margin: number) {
    this.#margin = margin;
    this.#ownsTerminal = inputOfCommand() === 'terminal';
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#watchdog = fork(WATCHDOG, {
      env,
      // Not our own, such as --inspect; nor NODE_OPTIONS, which are for the command.
      execArgv: ['--no-warnings'],
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      // Out of reach of what is sent to our process group, but for a command in the terminal, which
      // only a process of the terminal's session can watch.
      detached: !this.#ownsTerminal,
    });
    this.#watchdog.on('message', (message: FromWatchdog) => this.#receive(message));
    this.#watchdog.on('error', () => void this.#unwatched());
    // Comes after all messages, unlike `exit`.
    this.#watchdog.on('disconnect', () => void this.#unwatched());
  }

  /** Runs the command; resolves when nothing of it runs any more. */
  async run(task: Task, protection: Protection, signals: SignalHandling): Promise<Ending> {
    const [command = '', ...commandArguments] = task.command;
    this.#protection = protection;
    const wanted = inputOfCommand();
    const input = wanted === 'terminal' && !this.#ownsTerminal ? 'inherit' : wanted;
    const environment = { ...process.env, ...task.variables };
    const line = { command, arguments: commandArguments, environment, input };
    this.#sent = this.#deadline();
    this.#send({ type: 'start', line, deadline: this.#sent });
    signals.handTo(this);
    protection.signal.addEventListener('abort', this.#end, { once: true });
    // A term whose end was asked for before is valid still, until the command has ended.
    if (protection.signal.aborted) this.#end();
    this.#extend();
    try {
      return await this.#ended.promise;
    } finally {
      this.#protection = undefined;
      clearTimeout(this.#timer);
      protection.signal.removeEventListener('abort', this.#end);
      signals.handTo(undefined);
    }
  }

  /** Without a command, the watchdog ends. */
  dismiss(): void {
    if (this.#watchdog.connected) this.#watchdog.disconnect();
  }

  forward(signal: NodeJS.Signals): void {
    this.#send({ type: 'signal', signal });
  }

  suspend(): void {
    // Not SIGTSTP: the kernel ignores that where a process group has no shell to wake it up.
    this.#send({ type: 'signal', signal: 'SIGSTOP' }, () => process.kill(process.pid, 'SIGSTOP'));
  }

  resume(): void {
    const foreground = isForeground();
    if (this.#stopped) this.#send({ type: 'resume', foreground });
    else this.#send({ type: 'signal', signal: 'SIGCONT' });
    this.#stopped = false;
  }

  #receive(message: FromWatchdog): void {
    switch (message.type) {
      case 'started':
        this.#group = message.group;
        break;
      case 'stopped':
        this.#stopped = true;
        // The user's shell waits for us to stop too, and takes the terminal back then.
        process.kill(process.pid, 'SIGSTOP');
        break;
      case 'failed':
        this.#ended.resolve({ kind: 'not-started', code: message.code, message: message.message });
        break;
      case 'ended':
        this.#group = undefined;
        this.#ended.resolve(endingOf(message));
        break;
    }
  }

  /** Every renewal of the session, or of the term, moves the deadline. */
  #extend(): void {
    const protection = this.#protection;
    if (!protection) return;
    const deadline = this.#deadline();
    const validFor = deadline.validUntil - machineNow();
    if (validFor <= 0) {
      this.#end();
      return;
    }
    if (deadline.validUntil - this.#sent.validUntil > 1) {
      this.#sent = deadline;
      this.#send({ type: 'extend', deadline });
    }
    // Often towards the end, as a renewal in the last moment must be told in time.
    const pollMs = Math.min(LONGEST_POLL_MS, Math.max(SHORTEST_POLL_MS, validFor / 8));
    this.#timer = setTimeout(() => this.#extend(), pollMs);
  }

  /** Being interrupted between the two readings makes it earlier, never later. */
  #deadline(): Deadline {
    const now = machineNow();
    const validUntil = now + (this.#protection?.validFor ?? 0);
    return { validUntil, killAt: validUntil + this.#margin * SHARE_OF_SIGTERM };
  }

  readonly #end = (): void => {
    const killAt = Math.min(this.#sent.killAt, machineNow() + this.#margin * SHARE_OF_SIGTERM);
    this.#send({ type: 'end', killAt });
    // Should the watchdog not do its part, it is done from here.
    const backstop = (): void => {
      if (this.#group !== undefined && isRunning(this.#group)) signalGroup(this.#group, 'SIGKILL');
    };
    setTimeout(backstop, Math.max(0, killAt - machineNow()) + SHORTEST_POLL_MS).unref();
  };

  async #unwatched(): Promise<void> {
    const group = this.#group;
    if (group !== undefined) {
      const killAt = Math.min(this.#sent.killAt, machineNow() + this.#margin * SHARE_OF_SIGTERM);
      await endGroup(group, () => machineNow() >= killAt);
    }
    this.#ended.resolve({ kind: 'unwatched' });
  }

  #send(message: ToWatchdog, sent?: () => void): void {
    // What it cannot be told any more does not matter: see the end of the channel.
    if (this.#watchdog.connected) this.#watchdog.send(message, () => sent?.());
  }
}

function endingOf(message: Extract<FromWatchdog, { type: 'ended' }>): Ending {
  const { code, signal, terminated, leftovers } = message;
  if (terminated) return { kind: 'terminated' };
  if (signal !== null) return { kind: 'signalled', signal, leftovers };
  return { kind: 'exited', code: code ?? 0, leftovers };
}
