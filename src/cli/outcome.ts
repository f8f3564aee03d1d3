import { isLeaseholdError } from '../core/errors.ts';
import { EXIT, exitCodeOf, exitCodeOfSignal } from './exit-codes.ts';
import type { Ending } from './guard.ts';
import type { SignalHandling } from './signals.ts';
import { say } from './stderr.ts';

/**
 * The exit code for a command that has ended by itself, or could not run.
 *
 * @param name - of the command, for messages
 */
export function exitCodeOfEnding(
  ending: Exclude<Ending, { kind: 'terminated' }>,
  name: string,
): number {
  if ((ending.kind === 'exited' || ending.kind === 'signalled') && ending.leftovers) {
    say('ended what the command had left running in its process group, as the lock is given back');
  }
  switch (ending.kind) {
    case 'exited':
      return ending.code;
    case 'signalled':
      return exitCodeOfSignal(ending.signal);
    case 'unwatched':
      say('the watchdog was killed, so the command was ended');
      return EXIT.internal;
    case 'not-started':
      if (ending.code === 'ENOENT') {
        say(`${name}: command not found`);
        return EXIT.notFound;
      }
      say(`${name}: cannot be executed (${ending.message})`);
      return EXIT.notExecutable;
  }
}

/** The reason that the library gives for an end; none when the watchdog was the first to see it. */
export function reasonOf(signal: AbortSignal): string {
  const reason: unknown = signal.reason;
  if (isLeaseholdError(reason)) return reason.message.replace(/; stop .*$/, '');
  return 'it was not renewed in time';
}

/** Tells what went wrong, in one line, and gives the exit code for it. */
export function exitCodeOfError(error: unknown, signals: SignalHandling | undefined): number {
  // Whatever failed then failed because the user ended it.
  if (signals?.received) return exitCodeOfSignal(signals.received);
  if (isLeaseholdError(error)) {
    say(error.message.replace(/\s*\n\s*/g, ' '));
    return exitCodeOf(error.code);
  }
  say(
    `unexpected error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return EXIT.internal;
}

/** Resolves or rejects as `promise` does, but no later than with the signal. */
export async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = (): void => reject(new Error('ended by a signal'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
