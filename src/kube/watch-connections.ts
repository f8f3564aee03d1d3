import type { IncomingHttpHeaders } from 'node:http';
import type { ClientHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { readAnswer } from './answer.ts';
import type { ClusterAccess, Sockets } from './connection.ts';
import type { Endpoint, RequestHeaders } from './endpoint.ts';
import type { Outcome, Unknown } from './outcome.ts';
import { readBody } from './read-body.ts';
import { SharedConnections } from './shared-connections.ts';
import { watchStream } from './watch-stream.ts';
import type { WatchStream } from './watch-stream.ts';

/**
 * So many watches have a connection to themselves: one that rests leaves its events in the kernel,
 * and does not wake the process. More of them share connections: a fifth of the memory each.
 */
const MOST_OWN_CONNECTIONS = 16;

/** An answer has begun: its body is to follow. */
interface Begun {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** What to stop reading when the watch rests. */
  readonly source: { pause(): unknown; resume(): unknown };
}

/** Ends a request, whether its answer has begun or not. */
type Cancel = (error?: Error) => void;

/** Opens watches, each over HTTP/1.1 or, past the first few, over shared HTTP/2 connections. */
export class WatchConnections {
  readonly #endpoint: Endpoint;
  readonly #sockets: Sockets;
  readonly #clock: Clock;
  readonly #shared: SharedConnections;
  #own = 0;

  constructor(access: ClusterAccess, endpoint: Endpoint, sockets: Sockets, clock: Clock) {
    this.#endpoint = endpoint;
    this.#sockets = sockets;
    this.#clock = clock;
    this.#shared = new SharedConnections(access, clock);
  }

  /** See {@link Requests.openWatch}. */
  async open(
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    const headers = await this.#endpoint.headers(false);
    if (headers instanceof Error) return lost(headers);
    if (signal.aborted) return lost(new Error('aborted'));
    const target = this.#endpoint.path(path, new URLSearchParams(query).toString());
    let cancel: Cancel = () => undefined;
    let failure: Error | undefined;
    const giveUp = (error: Error): void => {
      failure = error;
      cancel(error);
    };
    const cancelTimer = this.#clock.schedule(deadline, () => {
      giveUp(new Error('no answer before the deadline'));
    });
    const abort = (): void => {
      giveUp(new Error('aborted'));
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      const begun = await this.#begin(target, headers, (how) => {
        cancel = how;
        if (failure) how(failure);
      });
      if (begun instanceof Error) return lost(failure ?? begun);
      if (begun.status === 200) {
        const stream = watchStream(begun.body, begun.source, () => {
          cancel();
        });
        return { kind: 'done', body: stream, status: 200, serverTime: undefined };
      }
      return await this.#refusal(begun);
    } finally {
      cancelTimer();
      signal.removeEventListener('abort', abort);
    }
  }

  close(): void {
    this.#shared.close();
  }

  async #begin(
    path: string,
    headers: RequestHeaders,
    cancelBy: (cancel: Cancel) => void,
  ): Promise<Begun | Error> {
    if (this.#own >= MOST_OWN_CONNECTIONS) {
      const stream = await this.#shared.get(path, headers);
      if (stream) return stream instanceof Error ? stream : beginShared(stream, cancelBy);
    }
    return this.#beginOwn(path, headers, cancelBy);
  }

  #beginOwn(
    path: string,
    headers: RequestHeaders,
    cancelBy: (cancel: Cancel) => void,
  ): Promise<Begun | Error> {
    this.#own += 1;
    const call = this.#endpoint.call('GET', path, headers, this.#sockets.agent('watches'));
    call.once('close', () => {
      this.#own -= 1;
    });
    return new Promise((resolve) => {
      call.on('error', resolve);
      // A change of protocol (101), which nobody has asked for, is the end without an error.
      call.on('close', () => {
        resolve(new Error('the connection was closed'));
      });
      call.on('response', (response) => {
        const { statusCode: status = 0, headers: answered, socket } = response;
        resolve({ status, headers: answered, body: response, source: socket });
      });
      cancelBy((error) => call.destroy(error));
      call.end();
    });
  }

  async #refusal({ status, headers, body }: Begun): Promise<Outcome<WatchStream>> {
    const bytes = await readBody(body);
    if (bytes instanceof Error) return lost(bytes);
    const outcome = readAnswer<WatchStream>(status, headers, bytes);
    // The next try has new ones; whether they could be had is told then.
    if (status === 401) await this.#endpoint.headers(true);
    // A body that says "done" under another status than 200 is no watch.
    return outcome.kind === 'done' ? { ...lost(new Error('no watch')), status } : outcome;
  }
}

function beginShared(
  stream: ClientHttp2Stream,
  cancelBy: (cancel: Cancel) => void,
): Promise<Begun | Error> {
  return new Promise((resolve) => {
    stream.on('error', resolve);
    stream.once('close', () => {
      resolve(new Error('the connection was closed'));
    });
    stream.once('response', (headers) => {
      const status = headers[':status'] ?? 0;
      resolve({ status, headers, body: stream, source: stream });
    });
    cancelBy((error) => stream.destroy(error));
  });
}

function lost(error: Error): Unknown {
  return { kind: 'unknown', sent: true, error, retryAfter: undefined };
}
