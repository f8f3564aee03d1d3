import type {
  ClientRequest,
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestOptions,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import { pause } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { plainHttp, Sockets } from './connection.ts';
import type { ClusterAccess, Lane } from './connection.ts';
import type { Outcome, Unknown } from './outcome.ts';
import { readAnswer } from './answer.ts';
import { watchStream } from './watch-stream.ts';
import type { WatchStream } from './watch-stream.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Milliseconds in all, waits for `Retry-After` included; 10,000 by default. */
  readonly deadline?: number;
  readonly signal?: AbortSignal | undefined;
  readonly lane?: Lane;
}

const DEFAULT_DEADLINE_MS = 10_000;
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;
const USER_AGENT = 'leasehold';

/**
 * Requests to one API server over keep-alive connections. It tells what became of each request and
 * decides nothing else: a request whose outcome is unknown is never sent again here, except a GET
 * that was lost together with a connection that had been idle.
 */
export class Transport {
  readonly #access: ClusterAccess;
  readonly #clock: Clock;
  readonly #sockets: Sockets;
  readonly #base: { readonly host: string; readonly port: string | number; readonly path: string };
  readonly #secure: boolean;

  constructor(access: ClusterAccess, clock: Clock) {
    this.#access = access;
    this.#clock = clock;
    this.#sockets = new Sockets(access);
    const url = new URL(access.server);
    this.#secure = url.protocol === 'https:';
    this.#base = {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (this.#secure ? 443 : 80),
      path: url.pathname.replace(/\/$/, ''),
    };
  }

  /** Sends one request; never throws for what the server or the network does. */
  async request<T>(request: KubeRequest): Promise<Outcome<T>> {
    const deadline = this.#clock.now() + (request.deadline ?? DEFAULT_DEADLINE_MS);
    let refusedCredentials = false;
    let resent = false;
    for (;;) {
      const left = deadline - this.#clock.now();
      if (left <= 0 || request.signal?.aborted) return notSent('the deadline has passed');
      const outcome = await this.#once<T>(request, left, refusedCredentials);
      if (outcome.kind === 'refused' && outcome.status === 401 && !refusedCredentials) {
        refusedCredentials = true;
        continue;
      }
      if (outcome.kind === 'refused' && outcome.status === 429) {
        const wait = outcome.retryAfter ?? 1_000;
        if (this.#clock.now() + wait >= deadline || request.signal?.aborted) return outcome;
        await pause(this.#clock, wait, request.signal);
        continue;
      }
      if (request.method === 'GET' && isStaleSocket(outcome) && !resent) {
        resent = true;
        continue;
      }
      return outcome;
    }
  }

  /**
   * Opens a watch. Resolves when the server's headers are there; the body then streams until it
   * ends or {@link WatchStream.close} is called.
   */
  async openWatch(
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    const authorization = await this.#authorization(false);
    if (authorization instanceof Error) return notSent(authorization);
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve(notSent('aborted'));
        return;
      }
      const search = new URLSearchParams(query).toString();
      const options = this.#options('GET', path, search, 'watches', authorization);
      const call = this.#call(options);
      const cancelTimer = this.#clock.schedule(deadline, () => call.destroy(new TimeoutError()));
      const abort = (): void => {
        call.destroy(new Error('aborted'));
      };
      signal.addEventListener('abort', abort, { once: true });
      const settled = (outcome: Outcome<WatchStream>): void => {
        cancelTimer();
        signal.removeEventListener('abort', abort);
        resolve(outcome);
      };
      call.on('error', (error) => {
        settled({ kind: 'unknown', sent: true, error, retryAfter: undefined });
      });
      call.on('response', (response) => {
        if (response.statusCode === 200) {
          const stream = watchStream(response, () => call.destroy());
          settled({ kind: 'done', body: stream, serverTime: undefined });
          return;
        }
        void this.#read<WatchStream>(response).then((outcome) => {
          // A body that says "done" under another status than 200 is no watch.
          settled(
            outcome.kind === 'done'
              ? { kind: 'unknown', sent: true, error: new Error('no watch'), retryAfter: undefined }
              : outcome,
          );
          if (outcome.kind === 'refused' && outcome.status === 401) {
            void this.#authorization(true);
          }
        });
      });
      call.end();
    });
  }

  close(): void {
    this.#sockets.close();
  }

  async #once<T>(
    request: KubeRequest,
    left: number,
    refusedCredentials: boolean,
  ): Promise<Outcome<T>> {
    const authorization = await this.#authorization(refusedCredentials);
    if (authorization instanceof Error) return notSent(authorization);
    const { promise, resolve } = Promise.withResolvers<Outcome<T>>();
    const lane = request.lane ?? 'requests';
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    // The server gives up no later than we do, so that fewer outcomes are unknown.
    const timeout = `${String(Math.max(1, Math.ceil(left)))}ms`;
    const query = new URLSearchParams({ ...request.query, timeout }).toString();
    const options = this.#options(request.method, request.path, query, lane, authorization);
    if (body !== undefined) {
      Object.assign(options.headers, {
        'content-type': request.contentType ?? 'application/json',
        'content-length': Buffer.byteLength(body),
      });
    }
    const call = this.#call(options);
    let sent = false;
    const fail = (error: Error): void => {
      resolve({
        kind: 'unknown',
        sent,
        error: Object.assign(error, { reused: call.reusedSocket }),
        retryAfter: undefined,
      });
    };
    const cancelTimer = this.#clock.schedule(left, () => {
      call.destroy(new TimeoutError());
      this.#sockets.dropIdle(lane);
    });
    const abort = (): void => {
      call.destroy(new Error('aborted'));
    };
    request.signal?.addEventListener('abort', abort, { once: true });
    call.on('socket', (socket) => {
      // From a socket that is connected, bytes may leave at any time.
      if (!socket.connecting) sent = true;
      else socket.once(this.#secure ? 'secureConnect' : 'connect', () => (sent = true));
    });
    call.on('error', fail);
    call.on('response', (response) => {
      void this.#read<T>(response).then(resolve);
    });
    call.end(body);
    const outcome = await promise;
    cancelTimer();
    request.signal?.removeEventListener('abort', abort);
    return outcome;
  }

  #read<T>(response: IncomingMessage): Promise<Outcome<T>> {
    const chunks: Buffer[] = [];
    let size = 0;
    return new Promise((resolve) => {
      const fail = (error: Error): void => {
        resolve({ kind: 'unknown', sent: true, error, retryAfter: undefined });
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MOST_ANSWER_BYTES) response.destroy(new Error('the answer is too large'));
      });
      response.on('error', fail);
      response.on('close', () => {
        if (!response.complete) fail(new Error('the connection was closed during the answer'));
      });
      response.on('end', () => {
        resolve(readAnswer(response.statusCode ?? 0, response.headers, Buffer.concat(chunks)));
      });
    });
  }

  async #authorization(refused: boolean): Promise<string | undefined | Error> {
    try {
      return await this.#access.authorization(refused);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #call(options: RequestOptions): ClientRequest {
    return this.#secure ? requestHttps(options) : plainHttp().request(options);
  }

  #options(
    method: string,
    path: string,
    query: string,
    lane: Lane,
    authorization: string | undefined,
  ): RequestOptions & { headers: OutgoingHttpHeaders } {
    const headers: OutgoingHttpHeaders = {
      accept: 'application/json',
      'user-agent': USER_AGENT,
      ...this.#access.headers,
    };
    if (authorization !== undefined) headers.authorization = authorization;
    const { host, port, path: prefix } = this.#base;
    return {
      agent: this.#sockets.agent(lane),
      host,
      port,
      method,
      path: `${prefix}${path}?${query}`,
      headers,
    };
  }
}

class TimeoutError extends Error {
  constructor() {
    super('no answer before the deadline');
  }
}

function notSent(why: string | Error): Unknown {
  const error = typeof why === 'string' ? new Error(why) : why;
  return { kind: 'unknown', sent: false, error, retryAfter: undefined };
}

/** A kept-alive connection that the server had closed just when it was used again. */
function isStaleSocket(outcome: Outcome<unknown>): boolean {
  if (outcome.kind !== 'unknown' || !(outcome.error instanceof Error)) return false;
  const error = outcome.error as Error & { code?: string; reused?: boolean };
  return error.reused === true && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}
