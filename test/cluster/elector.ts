import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { findElector } from './binaries.ts';
import { SupervisedProcess } from './process.ts';

export interface ElectorOptions {
  readonly kubeconfigPath: string;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  /** Default: 15,000. */
  readonly leaseDurationMilliseconds?: number;
  /** Default: 10,000. */
  readonly renewDeadlineMilliseconds?: number;
  /** Default: 2,000. */
  readonly retryPeriodMilliseconds?: number;
  /** Default: false, as in client-go. */
  readonly releaseOnCancel?: boolean;
}

export interface ElectorEvent {
  readonly type: 'started-leading' | 'stopped-leading' | 'new-leader';
  /** The elector's clock in milliseconds since 1970, to compare with `performance.timeOrigin`. */
  readonly unixMilliseconds: number;
  readonly leader: string;
}

/** Starts client-go's leader election in a process of its own. */
export async function startElector(options: ElectorOptions): Promise<Elector> {
  const flags: Record<string, string | undefined> = {
    kubeconfig: options.kubeconfigPath,
    namespace: options.namespace,
    name: options.name,
    identity: options.identity,
    'lease-duration': toGoDuration(options.leaseDurationMilliseconds),
    'renew-deadline': toGoDuration(options.renewDeadlineMilliseconds),
    'retry-period': toGoDuration(options.retryPeriodMilliseconds),
    'release-on-cancel': String(options.releaseOnCancel ?? false),
  };
  const process = await SupervisedProcess.start({
    command: await findElector(),
    arguments: Object.entries(flags)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `--${name}=${String(value)}`),
  });
  return new Elector(process);
}

/** A candidate that runs client-go, and what it has reported. */
export class Elector {
  readonly exited: Promise<void>;
  readonly #process: SupervisedProcess;
  readonly #events: ElectorEvent[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #commands: Writable;
  #log = '';
  #ended = false;

  constructor(process: SupervisedProcess) {
    this.#process = process;
    this.exited = process.exited;
    const { stdin, stdout, stderr } = process.child;
    if (stdin === null || stdout === null || stderr === null) {
      throw new TypeError('an elector needs pipes');
    }
    this.#commands = stdin;
    const lines = createInterface({ input: stdout });
    lines.on('line', (line) => {
      this.#events.push(parseEvent(line));
      this.#notify();
    });
    lines.on('close', () => {
      this.#ended = true;
      this.#notify();
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-10_000);
    });
    // A command to an elector that has just exited is lost, which `exited` tells anyway.
    this.#commands.on('error', () => undefined);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The end of what client-go has logged. */
  get log(): string {
    return this.#log;
  }

  /** All events, from the first one on, until the elector exits. Each call iterates anew. */
  async *events(): AsyncGenerator<ElectorEvent> {
    for (let next = 0; ; next += 1) {
      while (next >= this.#events.length && !this.#ended) {
        await this.#change();
      }
      const event = this.#events[next];
      if (event === undefined) {
        return;
      }
      yield event;
    }
  }

  /**
   * Waits for an event of this type, the first one unless told.
   *
   * @throws Error when the elector exits before.
   */
  async waitFor(type: ElectorEvent['type'], occurrence = 1): Promise<ElectorEvent> {
    let remaining = occurrence;
    for await (const event of this.events()) {
      if (event.type === type && (remaining -= 1) === 0) {
        return event;
      }
    }
    throw new Error(`the elector exited without ${type}\n${this.#log}`);
  }

  /** Ends the term and campaigns again after the pause: one retry period unless told. */
  release(pauseMilliseconds?: number): void {
    const pause = toGoDuration(pauseMilliseconds);
    this.#commands.write(pause === undefined ? 'release\n' : `release ${pause}\n`);
  }

  /** Ends the term and the process. */
  async quit(): Promise<void> {
    this.#commands.write('quit\n');
    await this.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }

  /** Sends the signal and waits for the end of the process. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process.end(signal);
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      const listener = (): void => {
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) {
      listener();
    }
  }
}

/** @param line - as the elector writes it to its standard output */
export function parseEvent(line: string): ElectorEvent {
  const event = JSON.parse(line) as {
    type: ElectorEvent['type'];
    unixNanoseconds: string;
    leader: string;
  };
  return {
    type: event.type,
    unixMilliseconds: Number(BigInt(event.unixNanoseconds) / 1000n) / 1000,
    leader: event.leader,
  };
}

function toGoDuration(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : `${String(milliseconds)}ms`;
}
