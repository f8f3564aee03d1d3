import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const POLL_MS = 5;
const LONGEST_WAIT_MS = 60_000;

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

const directories = (process.env.PATH ?? '').split(delimiter);
/** Whether a program can be run in a terminal here. */
export const hasTerminal =
  process.platform === 'linux' &&
  directories.some((directory) => existsSync(join(directory, 'script')));

/** One run of the program, from its sources. */
export class Program {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  #output = '';
  #errors = '';
  #isClosed = false;

  private constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    this.finished = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        this.#isClosed = true;
        resolve({ code, signal, output: this.#output, errors: this.#errors });
      });
    });
  }

  static start(words: readonly string[], environment: Readonly<Record<string, string>>): Program {
    return Program.spawn(process.execPath, [MAIN, ...words], environment);
  }

  static startInTerminal(
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Program {
    return Program.spawnInTerminal([MAIN, ...words], environment);
  }

  /**
   * Node below `script`, which makes a terminal and passes on what it is given to type. The shell
   * of `script` gives way to the program: some shells, interrupted beside it by Ctrl-C, would end
   * with 130 whatever the program ends with.
   */
  static spawnInTerminal(
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Program {
    const line = `exec ${[process.execPath, ...words].map(quoted).join(' ')}`;
    const shell = { SHELL: '/bin/sh' };
    return Program.spawn('script', ['-qefc', line, '/dev/null'], { ...shell, ...environment });
  }

  static spawn(
    command: string,
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Program {
    return new Program(
      spawn(command, words, { env: { ...asUser(), ...environment }, stdio: 'pipe' }),
    );
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the program did not start');
    return this.child.pid;
  }

  get output(): string {
    return this.#output;
  }

  get errors(): string {
    return this.#errors;
  }

  /** Resolves with the match once the output has one. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(`output that matches ${String(pattern)}`, () => {
      const match = pattern.exec(this.#output);
      // An exit code may be there before the last of the output.
      if (!match && this.#isClosed) {
        throw new Error(`ended without ${String(pattern)}: ${this.#output}${this.#errors}`);
      }
      return match;
    });
  }

  /** Types, or writes to its stdin. */
  write(text: string): void {
    this.child.stdin?.write(text);
  }
}

/** Whether the process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    return !/^ [ZX]/.test(stat.slice(stat.lastIndexOf(')') + 1));
  } catch {
    return false;
  }
}

/** The same for a shell: it prints `alive`. */
export function sayIfAlive(pid: number): string {
  return `grep -qs '^State:.[^ZX]' /proc/${String(pid)}/status && echo alive`;
}

/** The processes that `pid` has started and that run. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'latin1')
    .split(' ')
    .filter((id) => id.trim() !== '')
    .map(Number)
    .filter(isAlive);
}

/** Looks until there is something to see, and resolves with it: what is neither false nor missing. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** What a person's shell has: in continuous integration Node finds that terminals have no colours. */
function asUser(): NodeJS.ProcessEnv {
  const { CI: _, ...environment } = process.env;
  return environment;
}
