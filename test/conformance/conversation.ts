import { type Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { ApiObject } from './objects.ts';
import { collectionPath } from './resources.ts';
import type { AnswerStep, Step, WatchStep } from './transcript.ts';
import { Watch } from './watch.ts';

export interface Answer {
  readonly status: number;
  readonly body: ApiObject;
}

export interface StepOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the admin's. */
  readonly token?: string;
  /** What of the body is compared. Default: all of it. */
  readonly compare?: (body: ApiObject) => unknown;
  /** A watch delivers bookmarks that come at a time of the server's own, too. */
  readonly bookmarks?: true;
  /** Sends the request without comparing the answer: for what only one server needs. */
  readonly unrecorded?: true;
}

/** How to reach one of the servers. */
export interface Endpoint {
  readonly url: string;
  readonly token: string;
  readonly agent: Agent;
}

const JSON_TYPE = 'application/json';
/** A server that does not answer must fail the case, not hang the suite. */
const ANSWER_MILLISECONDS = 20_000;

/**
 * One case's requests to one server, and a record of all that it answered. A path is that of a
 * collection or object of the case's namespace, such as `leases/a`, or absolute.
 */
export class Conversation {
  readonly namespace: string;
  readonly steps: Step[] = [];
  readonly #endpoint: Endpoint;
  readonly #watches: Watch[] = [];

  constructor(endpoint: Endpoint, namespace: string) {
    this.#endpoint = endpoint;
    this.namespace = namespace;
  }

  async get(path: string, options?: StepOptions): Promise<Answer> {
    return this.send('GET', path, undefined, options);
  }

  /** A body that is a string is sent as it is. */
  async post(path: string, body: unknown, options?: StepOptions): Promise<Answer> {
    return this.send('POST', path, body, options);
  }

  async put(path: string, body: unknown, options?: StepOptions): Promise<Answer> {
    return this.send('PUT', path, body, options);
  }

  async delete(path: string, body?: unknown, options?: StepOptions): Promise<Answer> {
    return this.send('DELETE', path, body, options);
  }

  async mergePatch(path: string, body: unknown, options?: StepOptions): Promise<Answer> {
    return this.#patch('merge-patch', path, body, options);
  }

  async jsonPatch(path: string, body: unknown, options?: StepOptions): Promise<Answer> {
    return this.#patch('json-patch', path, body, options);
  }

  async strategicPatch(path: string, body: unknown, options?: StepOptions): Promise<Answer> {
    return this.#patch('strategic-merge-patch', path, body, options);
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    options: StepOptions = {},
  ): Promise<Answer> {
    const response = await this.#open(method, path, body, options);
    const answer = { status: response.statusCode ?? 0, body: await readBody(response) };
    if (options.unrecorded !== true) {
      this.steps.push({
        request: `${method} ${path}`,
        ...answerOf(response),
        body: options.compare ? options.compare(answer.body) : answer.body,
      });
    }
    return answer;
  }

  /** Resolves once the server has answered, so that no later change is missed. */
  async watch(path: string, options: StepOptions = {}): Promise<Watch> {
    const response = await this.#open(
      'GET',
      `${path}${separator(path)}watch=true`,
      undefined,
      options,
    );
    if (response.statusCode === 200) {
      const step: WatchStep = { request: `WATCH ${path}`, ...answerOf(response), events: [] };
      this.steps.push(step);
      const watch = new Watch(response, step, options);
      this.#watches.push(watch);
      return watch;
    }
    this.steps.push({
      request: `WATCH ${path}`,
      ...answerOf(response),
      body: await readBody(response),
    });
    response.destroy();
    throw new RefusedWatch();
  }

  /** For a watch that is expected to be refused. */
  async refusedWatch(path: string, options?: StepOptions): Promise<void> {
    try {
      await this.watch(path, options);
    } catch (error) {
      if (!(error instanceof RefusedWatch)) throw error;
    }
  }

  /** Ends what is still open. */
  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  async #patch(type: string, path: string, body: unknown, options?: StepOptions): Promise<Answer> {
    const headers = { 'content-type': `application/${type}+json`, ...options?.headers };
    return this.send('PATCH', path, body, { ...options, headers });
  }

  async #open(
    method: string,
    path: string,
    body: unknown,
    options: StepOptions,
  ): Promise<IncomingMessage> {
    const payload = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const absolute = path.startsWith('/') ? path : collectionPath(this.namespace, path);
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.#endpoint.url}${absolute}`, {
        method,
        agent: this.#endpoint.agent,
        headers: {
          authorization: `Bearer ${options.token ?? this.#endpoint.token}`,
          accept: JSON_TYPE,
          'user-agent': 'conformance/1',
          ...(payload !== undefined && {
            'content-type': JSON_TYPE,
            'content-length': Buffer.byteLength(payload),
          }),
          ...options.headers,
        },
      });
      outgoing.setTimeout(ANSWER_MILLISECONDS, () => {
        outgoing.destroy(new Error(`no answer to ${method} ${path}`));
      });
      outgoing.on('response', resolve).on('error', reject).end(payload);
    });
  }
}

class RefusedWatch extends Error {}

async function readBody(response: IncomingMessage): Promise<ApiObject> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  const isJson = response.headers['content-type']?.includes('json') ?? false;
  return (isJson && text !== '' ? JSON.parse(text) : text) as ApiObject;
}

function answerOf(response: IncomingMessage): Omit<AnswerStep, 'request' | 'body'> {
  const { 'content-type': contentType, 'retry-after': retryAfter, warning } = response.headers;
  return {
    status: response.statusCode ?? 0,
    ...(contentType !== undefined && { contentType }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(warning !== undefined && { warning }),
  };
}

function separator(path: string): string {
  return path.includes('?') ? '&' : '?';
}
