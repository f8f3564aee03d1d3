import { readAnswer } from '../../src/kube/answer.ts';
import { asLease } from '../../src/kube/lease-shape.ts';
import { LineSplitter } from '../../src/kube/lines.ts';
import type { Outcome } from '../../src/kube/outcome.ts';
import type { KubeRequest, Requests } from '../../src/kube/transport.ts';
import type { WatchStream } from '../../src/kube/watch-stream.ts';
import { mangle } from './mangling.ts';
import type { Mangling } from './mangling.ts';

/** What becomes of the next answer, or line of a watch; undefined leaves it as it is. */
export type Choice = () => { readonly mangling: Mangling; readonly status: number } | undefined;

/**
 * Requests that are done, and whose answers are garbled. What still passes for a Lease as it should be
 * arrives as it was: nobody could tell.
 */
export class GarbledRequests implements Requests {
  readonly #requests: Requests;
  readonly #choose: Choice;
  /** So many were sent, watches included. */
  sent = 0;

  constructor(requests: Requests, choose: Choice) {
    this.#requests = requests;
    this.#choose = choose;
  }

  async request<T>(request: KubeRequest): Promise<Outcome<T>> {
    this.sent += 1;
    const outcome = await this.#requests.request<T>(request);
    const choice = this.#choose();
    if (!choice || outcome.kind === 'unknown') return outcome;
    const { status, bytes } = written(outcome);
    const garbled = mangle(bytes, choice.mangling);
    if (outcome.kind === 'done' && choice.status === 0 && isCredible(garbled)) return outcome;
    // A refusal of what was done would be believed, as it has to be: so none is made up.
    const kept = outcome.kind === 'refused' || choice.status === 0;
    return readAnswer<T>(kept ? status : choice.status, {}, garbled);
  }

  async openWatch(
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    this.sent += 1;
    const outcome = await this.#requests.openWatch(path, query, deadline, signal);
    if (outcome.kind !== 'done') return outcome;
    return { ...outcome, body: this.#garbled(outcome.body) };
  }

  close(): void {
    this.#requests.close();
  }

  #garbled(stream: WatchStream): WatchStream {
    const splitter = new LineSplitter();
    return {
      read: (onBytes, onEnd) => {
        stream.read((bytes) => {
          for (const line of splitter.push(bytes)) {
            const choice = this.#choose();
            const sent = choice ? this.#line(line, choice.mangling) : line;
            // In two pieces, cut wherever that happens to be.
            const cut = sent.length % 97;
            if (cut > 0) onBytes(sent.subarray(0, cut));
            onBytes(Buffer.concat([sent.subarray(cut), Buffer.from('\n')]));
          }
        }, onEnd);
      },
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      close: () => stream.close(),
    };
  }

  #line(line: Buffer, mangling: Mangling): Buffer {
    const garbled = mangle(line, mangling);
    return isCredibleEvent(garbled) ? line : garbled;
  }
}

function written(outcome: Exclude<Outcome<unknown>, { kind: 'unknown' }>): {
  status: number;
  bytes: Buffer;
} {
  if (outcome.kind === 'done') return { status: 200, bytes: json(outcome.body) };
  const { status, reason, message, causes } = outcome;
  const body = { kind: 'Status', status: 'Failure', code: status, reason, message };
  return { status, bytes: json({ ...body, details: { causes } }) };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function isCredible(bytes: Buffer): boolean {
  return isLease(parsed(bytes));
}

/** An event that tells of a Lease, or of none, in the way of an API server. */
function isCredibleEvent(bytes: Buffer): boolean {
  const event = parsed(bytes) as { type?: unknown; object?: unknown } | null | undefined;
  if (event?.type === 'BOOKMARK') return bytes.includes('k8s.io/initial-events-end');
  return isLease(event?.object);
}

function isLease(value: unknown): boolean {
  try {
    asLease(value);
    return true;
  } catch {
    return false;
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
