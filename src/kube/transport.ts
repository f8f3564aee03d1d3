import type { IncomingMessage } from 'node:http';
import { pause } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { readAnswer } from './answer.ts';
import { MOST_SOCKETS, Sockets } from './connection.ts';
import type { ClusterAccess, Lane } from './connection.ts';
import { Endpoint } from './endpoint.ts';
import type { Outcome, Unknown } from './outcome.ts';
import { readBody } from './read-body.ts';
import { Turns } from './turns.ts';
import { WatchConnections } from './watch-connections.ts';
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

/** What sends requests to one API server. */
export interface Requests {
  /** Sends one request; never throws for what the server or the network does. */
  request<T>(request: KubeRequest): Promise<Outcome<T>>;
  /**
   * Opens a watch. Resolves when the server's headers are there; the body then streams until it
   * ends or {@link WatchStream.close} is called.
   */
  openWatch(
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>>;
  close(): void;
}

const DEFAULT_DEADLINE_MS = 10_000;
/**
 * A write that gets its turn later than this before its deadline is not sent: of one that is given up
 * on the way nobody knows whether it was done, and an attempt in doubt costs more than another try.
 */
const LEAST_FOR_WRITE_MS = 250;

/**
 * Requests to one API server over keep-alive connections. It tells what became of each request and
 * decides nothing else: a request whose outcome is unknown is never sent again here, except a GET
 * that was lost together with a connection that had been idle.
 */
export class Transport implements Requests {
  readonly #clock: Clock;
  readonly #sockets: Sockets;
  readonly #turns: Record<Lane, Turns>;
  readonly #endpoint: Endpoint;
  readonly #watches: WatchConnections;

  constructor(access: ClusterAccess, clock: Clock) {
    this.#clock = clock;
    this.#sockets = new Sockets(access);
    this.#turns = {
      requests: new Turns(MOST_SOCKETS.requests, clock),
      heartbeats: new Turns(MOST_SOCKETS.heartbeats, clock),
      watches: new Turns(MOST_SOCKETS.watches, clock),
    };
    this.#endpoint = new Endpoint(access);
    this.#watches = new WatchConnections(access, this.#endpoint, this.#sockets, clock);
  }

  async request<T>(request: KubeRequest): Promise<Outcome<T>> {
    const deadline = this.#clock.now() + (request.deadline ?? DEFAULT_DEADLINE_MS);
    let refusedCredentials = false;
    let resent = false;
    for (;;) {
      const outcome = await this.#inTurn<T>(request, deadline, refusedCredentials);
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

  openWatch(
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    return this.#watches.open(path, query, deadline, signal);
  }

  close(): void {
    this.#watches.close();
    this.#sockets.close();
  }

  async #inTurn<T>(
    request: KubeRequest,
    deadline: number,
    refusedCredentials: boolean,
  ): Promise<Outcome<T>> {
    const left = (): number => deadline - this.#clock.now();
    const lane = request.lane ?? 'requests';
    const turns = this.#turns[lane];
    const isOver = (least = 0): boolean => left() <= least || request.signal?.aborted === true;
    if (isOver()) return notSent('the deadline has passed');
    const turn = turns.take(left(), request.signal);
    if (!(await turn)) return notSent('the deadline has passed');
    try {
      const isLateWrite = turn !== true && lane === 'requests' && request.method !== 'GET';
      if (isOver(isLateWrite ? LEAST_FOR_WRITE_MS : 0)) return notSent('the deadline has passed');
      return await this.#once<T>(request, left(), refusedCredentials);
    } finally {
      turns.end();
    }
  }

  async #once<T>(
    request: KubeRequest,
    left: number,
    refusedCredentials: boolean,
  ): Promise<Outcome<T>> {
    const headers = await this.#endpoint.headers(refusedCredentials);
    if (headers instanceof Error) return notSent(headers);
    const { promise, resolve } = Promise.withResolvers<Outcome<T>>();
    const lane = request.lane ?? 'requests';
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    // The server gives up no later than we do, so that fewer outcomes are unknown.
    const timeout = `${String(Math.max(1, Math.ceil(left)))}ms`;
    const query = new URLSearchParams({ ...request.query, timeout }).toString();
    if (body !== undefined) {
      headers['content-type'] = request.contentType ?? 'application/json';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    const path = this.#endpoint.path(request.path, query);
    const call = this.#endpoint.call(request.method, path, headers, this.#sockets.agent(lane));
    let sent = false;
    const fail = (error: Error): void => {
      resolve({
        kind: 'unknown',
        sent,
        error: Object.assign(error, { reused: call.reusedSocket }),
        retryAfter: undefined,
      });
    };
    const giveUp = (error: Error): void => {
      call.destroy(error);
      // Of a call that Node has given up itself, no more is heard.
      fail(error);
    };
    const cancelTimer = this.#clock.schedule(left, () => {
      giveUp(new TimeoutError());
      this.#sockets.dropIdle(lane);
    });
    const abort = (): void => {
      giveUp(new Error('aborted'));
    };
    request.signal?.addEventListener('abort', abort, { once: true });
    call.on('socket', (socket) => {
      // From a socket that is connected, bytes may leave at any time.
      if (!socket.connecting) sent = true;
      else socket.once(this.#endpoint.secure ? 'secureConnect' : 'connect', () => (sent = true));
    });
    call.on('error', fail);
    // Without an error when the answer is a change of protocol (101), which nobody has asked for.
    call.on('upgrade', (_, socket) => {
      socket.destroy();
      fail(new Error('the answer is a change of protocol'));
    });
    call.on('response', (response) => {
      void this.#read<T>(response).then(resolve);
    });
    call.end(body);
    const outcome = await promise;
    cancelTimer();
    request.signal?.removeEventListener('abort', abort);
    return outcome;
  }

  async #read<T>(response: IncomingMessage): Promise<Outcome<T>> {
    const bytes = await readBody(response);
    if (bytes instanceof Error) {
      return { kind: 'unknown', sent: true, error: bytes, retryAfter: undefined };
    }
    return readAnswer(response.statusCode ?? 0, response.headers, bytes);
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
