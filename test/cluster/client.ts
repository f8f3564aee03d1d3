import { Agent, request } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { KeyPair } from './certificates.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface RequestOptions {
  /** Default: `application/json`. A patch needs the type of its format. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the admin token. */
  readonly token?: string;
  readonly signal?: AbortSignal;
  /** Default: 10,000. */
  readonly timeoutMilliseconds?: number;
}

export interface ApiResponse<Body> {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed where the server sent JSON, else the text. */
  readonly body: Body;
}

export interface WatchEvent<ApiObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: ApiObject;
}

/** The server refused a request that a test takes for granted. */
export class ApiRequestError extends Error {
  override readonly name = 'ApiRequestError';
  readonly status: number;

  constructor(description: string, status: number, body: unknown) {
    super(`${description}: ${String(status)} ${JSON.stringify(body)}`);
    this.status = status;
  }
}

const defaultTimeoutMilliseconds = 10_000;

/**
 * A plain client, independent of the one under test: no retries, no interpretation of the status.
 */
export class ApiClient {
  readonly #url: string;
  readonly #token: string | undefined;
  readonly #agent: Agent;

  /** @param credentials - a token, or a client certificate */
  constructor(url: string, authority: string, credentials: string | KeyPair) {
    this.#url = url;
    this.#token = typeof credentials === 'string' ? credentials : undefined;
    const { certificate, key } =
      typeof credentials === 'string' ? { certificate: undefined, key: undefined } : credentials;
    this.#agent = new Agent({ ca: authority, cert: certificate, key, keepAlive: true });
  }

  // The caller says what the body looks like; checking it is what the assertions are for.
  async request<Body = unknown>(
    method: Method,
    path: string,
    body?: unknown,
    options: RequestOptions = {},
  ): Promise<ApiResponse<Body>> {
    const timeout = AbortSignal.timeout(options.timeoutMilliseconds ?? defaultTimeoutMilliseconds);
    const signal =
      options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
    const response = await this.#send(method, path, body, { ...options, signal });
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString('utf8');
    const isJson = response.headers['content-type']?.includes('json') ?? false;
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : text) as Body,
    };
  }

  /** Like {@link request}, but throws unless the status is a success. */
  async expect<Body = unknown>(
    method: Method,
    path: string,
    body?: unknown,
    options: RequestOptions = {},
  ): Promise<Body> {
    const response = await this.request<Body>(method, path, body, options);
    if (response.status >= 300) {
      throw new ApiRequestError(`${method} ${path}`, response.status, response.body);
    }
    return response.body;
  }

  /**
   * Opens a watch and resolves once the server has answered, so that no later change is missed. The
   * events end when the server ends the watch; abort the signal to end it from this side.
   */
  async watch<ApiObject = unknown>(
    path: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<WatchEvent<ApiObject>>> {
    const separator = path.includes('?') ? '&' : '?';
    return parsed(await this.follow(`${path}${separator}watch=true`, signal));
  }

  /** Opens an answer without an end, such as a log that is followed, and reads its lines. */
  async follow(path: string, signal: AbortSignal): Promise<AsyncIterable<string>> {
    const response = await this.#send('GET', path, undefined, { signal });
    if (response.statusCode !== 200) {
      response.destroy();
      throw new ApiRequestError(`follow ${path}`, response.statusCode ?? 0, undefined);
    }
    return readLines(response, signal);
  }

  /** Closes the idle connections; the client stays usable. */
  closeConnections(): void {
    this.#agent.destroy();
  }

  async #send(
    method: Method,
    path: string,
    body: unknown,
    options: RequestOptions,
  ): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.#url}${path}`, {
        method,
        agent: this.#agent,
        headers: {
          ...authorization(options.token ?? this.#token),
          accept: 'application/json',
          ...(payload !== undefined && {
            'content-type': options.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(payload),
          }),
          ...options.headers,
        },
        ...(options.signal !== undefined && { signal: options.signal }),
      });
      outgoing.on('response', resolve).on('error', reject).end(payload);
    });
  }
}

function authorization(token: string | undefined): { authorization?: string } {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

async function* parsed<ApiObject>(
  lines: AsyncIterable<string>,
): AsyncGenerator<WatchEvent<ApiObject>> {
  for await (const line of lines) yield JSON.parse(line) as WatchEvent<ApiObject>;
}

async function* readLines(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: response });
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  } finally {
    response.destroy();
  }
}
