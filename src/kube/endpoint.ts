import type { Agent, ClientRequest } from 'node:http';
import { request as requestHttps } from 'node:https';
import { plainHttp } from './connection.ts';
import type { ClusterAccess } from './connection.ts';

const USER_AGENT = 'leasehold';

export type RequestHeaders = Record<string, string | string[]>;

/** Where the API server is, and how to speak to it. */
export class Endpoint {
  readonly secure: boolean;
  readonly #access: ClusterAccess;
  readonly #host: string;
  readonly #port: string | number;
  readonly #prefix: string;

  constructor(access: ClusterAccess) {
    const url = new URL(access.server);
    this.secure = url.protocol === 'https:';
    this.#access = access;
    this.#host = url.hostname.replace(/^\[|\]$/g, '');
    this.#port = url.port || (this.secure ? 443 : 80);
    this.#prefix = url.pathname.replace(/\/$/, '');
  }

  /** The path of a request, with the prefix that the server's address may have. */
  path(path: string, query: string): string {
    return `${this.#prefix}${path}?${query}`;
  }

  /**
   * The headers of every request; an Error when the credentials cannot be had.
   *
   * @param refused - the last credentials were refused (401): get new ones
   */
  async headers(refused: boolean): Promise<RequestHeaders | Error> {
    const headers: RequestHeaders = {
      accept: 'application/json',
      'user-agent': USER_AGENT,
      ...this.#access.headers,
    };
    try {
      const authorization = await this.#access.authorization(refused);
      if (authorization !== undefined) headers.authorization = authorization;
      return headers;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Begins a request over HTTP/1.1. */
  call(method: string, path: string, headers: RequestHeaders, agent: Agent): ClientRequest {
    const options = { agent, host: this.#host, port: this.#port, method, path, headers };
    return this.secure ? requestHttps(options) : plainHttp().request(options);
  }
}
