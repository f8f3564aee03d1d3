import { paintStdout } from '../src/cli/output/paint.ts';
import { runDemo } from './demo.ts';
import type { Figures } from './history.ts';
import { LiveView } from './live-view.ts';
import type { Options } from './options.ts';
import { PlainView } from './plain-view.ts';
import { isSound, summaryLines } from './summary.ts';

/** Shows the demo in a terminal or as lines, and what it came to. Resolves with the exit code. */
export async function play({ seconds, seed }: Options, signal: AbortSignal): Promise<number> {
  const terminal = process.stdout.isTTY;
  const settings = { seconds, seed, signal, terminal };
  const write = (text: string): void => void process.stdout.write(text);
  let figures: Figures;
  if (terminal) {
    using view = new LiveView(process.stdout, paintStdout);
    process.on('SIGTSTP', () => {
      view.suspend();
      process.kill(process.pid, 'SIGSTOP');
    });
    process.on('SIGCONT', () => view.resume());
    figures = await runDemo(settings, view);
  } else {
    figures = await runDemo(settings, new PlainView(write));
  }
  write(`\n${summaryLines(figures).join('\n')}\n\n  seed ${String(seed)}\n`);
  return isSound(figures) ? 0 : 1;
}
