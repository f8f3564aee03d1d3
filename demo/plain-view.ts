import type { View } from './demo.ts';
import { TTL_SECONDS } from './demo.ts';
import type { TimedEvent } from './events.ts';
import { commands } from './instructions.ts';
import { eventText, momentText } from './text.ts';

/** One line per event, for pipes and logs. */
export function plainLines({ at, event }: TimedEvent): string[] {
  const lines = [`${momentText(at)}  ${eventText(event)}`];
  if (event.type === 'server') {
    lines.push(
      `        ttl ${String(TTL_SECONDS)} s (15 s by default): about what a crash costs`,
      '        the same state from another terminal, in this directory:',
      ...commands(event.kubeconfig).map((command) => `          ${command}`),
    );
  }
  return lines;
}

export class PlainView implements View {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  show(happened: TimedEvent): void {
    this.#write(`${plainLines(happened).join('\n')}\n`);
  }
}
