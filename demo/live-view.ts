import type { Paint } from '../src/cli/output/paint.ts';
import type { Board } from './board.ts';
import type { View } from './demo.ts';
import { liveFrame } from './live-frame.ts';
import type { Size } from './live-frame.ts';
import { CLEAR_BELOW, CLEAR_TO_END_OF_LINE, HOME, RESTORE, TAKE } from './screen-codes.ts';

const REDRAW_EVERY_MS = 100;

/** A terminal, such as `process.stdout`. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** Draws the board on a screen of its own, ten times a second and after each event, until closed. */
export class LiveView implements View, Disposable {
  readonly #terminal: Terminal;
  readonly #paint: Paint;
  readonly #draw = (): void => this.#redraw();
  #board: (() => Board) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, paint: Paint) {
    this.#terminal = terminal;
    this.#paint = paint;
    terminal.write(TAKE);
    terminal.on('resize', this.#draw);
    this.#timer = setInterval(this.#draw, REDRAW_EVERY_MS);
  }

  show(_happened: unknown, board: () => Board): void {
    this.#board = board;
    this.#redraw();
  }

  /** Gives the terminal back for as long as the demo is stopped by Ctrl-Z. */
  suspend(): void {
    this.#terminal.write(RESTORE);
  }

  resume(): void {
    if (!this.#timer) return;
    this.#terminal.write(TAKE);
    this.#redraw();
  }

  [Symbol.dispose](): void {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#terminal.off('resize', this.#draw);
    this.#terminal.write(RESTORE);
  }

  #redraw(): void {
    if (!this.#board || !this.#timer) return;
    const { columns, rows } = this.#terminal;
    const size: Size = { columns: columns || 80, rows: rows || 24 };
    const frame = liveFrame(this.#board(), size, this.#paint);
    const lines = frame.map((row) => row + CLEAR_TO_END_OF_LINE);
    this.#terminal.write(HOME + lines.join('\r\n') + CLEAR_BELOW);
  }
}
