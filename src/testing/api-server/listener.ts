import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServingCertificate } from './certificates.ts';
import type { ApiHandler } from './handler.ts';
import { Interruptions } from './interruptions.ts';
import type { Interruptible } from './interruptions.ts';
import type { ApiAnswer, ApiRequest, WatchAnswer } from './request.ts';

/** A watch whose client does not read is given up; the API server does that, too. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;

/** One request that has been answered, or whose watch has ended. */
export interface Served {
  readonly method: string;
  readonly url: string;
  readonly status: number;
}

export interface ListenerOptions {
  readonly handler: ApiHandler;
  readonly certificate: ServingCertificate;
  /** 0 for any that is free. */
  readonly port: number;
  readonly onServed?: ((served: Served) => void) | undefined;
}

/** Speaks HTTPS for a handler, on localhost. */
export class Listener {
  readonly interruptions = new Interruptions();
  readonly #server: Server;
  readonly #handler: ApiHandler;
  readonly #onServed: ((served: Served) => void) | undefined;

  private constructor(options: ListenerOptions) {
    this.#handler = options.handler;
    this.#onServed = options.onServed;
    const { certificate, key } = options.certificate;
    this.#server = createServer({ cert: certificate, key }, (request, response) => {
      this.#receive(request, response);
    });
    // Idle connections are the client's to close: closing one just when it is used again would
    // make an error that no API server makes.
    this.#server.keepAliveTimeout = 0;
    this.#server.on('tlsClientError', () => undefined);
  }

  /** @throws Error with the code EADDRINUSE or the like when the port cannot be had */
  static async start(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options);
    const server = listener.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks all connections. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const exchange: Interruptible = {
      token: (request.headers.authorization ?? '').replace(/^Bearer /, ''),
      reset: () => request.socket.destroy(),
    };
    const untrack = this.interruptions.track(exchange);
    response.on('close', untrack);
    response.on('error', () => undefined);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const { method = 'GET', url = '/' } = request;
      const received: ApiRequest = {
        method,
        url,
        headers: request.headers as ApiRequest['headers'],
        body: Buffer.concat(chunks),
      };
      this.interruptions.pass(exchange, () => this.#answer(received, response, exchange));
    });
  }

  #answer(request: ApiRequest, response: ServerResponse, exchange: Interruptible): void {
    const answer = this.#handled(request);
    const { method, url } = request;
    response.sendDate = false;
    const served = (): void => this.#onServed?.({ method, url, status: answer.status });
    // Who has gone closes nothing any more: a watch would stay open for its lifetime.
    if (response.destroyed) {
      served();
      return;
    }
    response.on('close', served);
    // An interruption that has begun meanwhile holds back the answer, not the deed.
    this.interruptions.pass(exchange, () => {
      if (response.destroyed) return;
      response.writeHead(answer.status, answer.headers as Record<string, string | string[]>);
      if ('open' in answer) this.#stream(answer, response, exchange);
      else response.end(answer.body);
    });
  }

  #handled(request: ApiRequest): ApiAnswer {
    try {
      return this.#handler.handle(request);
    } catch (error) {
      const message = `Internal error occurred: ${error instanceof Error ? (error.stack ?? '') : String(error)}`;
      const body = {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message,
        reason: 'InternalError',
        code: 500,
      };
      return {
        status: 500,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      };
    }
  }

  #stream(answer: WatchAnswer, response: ServerResponse, exchange: Interruptible): void {
    response.flushHeaders();
    const close = answer.open({
      write: (line) => {
        this.interruptions.pass(exchange, () => {
          if (response.destroyed) return;
          response.write(line);
          if (response.writableLength > MOST_UNREAD_BYTES) response.destroy();
        });
      },
      end: () => this.interruptions.pass(exchange, () => response.end()),
    });
    response.on('close', close);
  }
}
