import { exitCodeOfSignal } from '../exit-codes.ts';

/** Writes to stdout, and resolves when it is written: the program may end at once after that. */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, () => {
      resolve();
    });
  });
}

/** Ends the program as SIGPIPE would when nobody reads any more, as with `| head`. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodeOfSignal('SIGPIPE'));
    throw error;
  });
}
