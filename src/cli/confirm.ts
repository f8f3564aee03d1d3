import { createInterface } from 'node:readline/promises';
import { isatty } from 'node:tty';

export type Answer =
  | 'yes'
  | 'no'
  /** There is nobody to ask. */
  | 'nobody';

/** Asks a person on stderr, as stdout may be read by a program. Anything but yes is no. */
export async function confirm(question: string): Promise<Answer> {
  if (!isatty(0)) return 'nobody';
  // Not as a terminal of its own: Ctrl-C is to end the program, as it always does.
  const dialogue = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: false,
  });
  // The end of the input (Ctrl-D) leaves the question unanswered.
  const closed = new Promise<string>((resolve) => {
    dialogue.once('close', () => resolve(''));
  });
  try {
    const answer = await Promise.race([dialogue.question(`${question} [y/N] `), closed]);
    return /^y(es)?$/i.test(answer.trim()) ? 'yes' : 'no';
  } finally {
    dialogue.close();
  }
}
