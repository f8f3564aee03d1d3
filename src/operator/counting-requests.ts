import type { Outcome } from '../kube/outcome.ts';
import type { KubeRequest, Requests } from '../kube/transport.ts';
import type { WatchStream } from '../kube/watch-stream.ts';

/** Told of every request: the verb as RBAC has it, and the code; `none` when there was no answer. */
export type RequestCounter = (verb: string, code: string) => void;

const VERBS = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const;

/** Requests as they are, and counted. */
export class CountingRequests implements Requests {
  readonly #requests: Requests;
  readonly #count: RequestCounter;

  constructor(requests: Requests, count: RequestCounter) {
    this.#requests = requests;
    this.#count = count;
  }

  async request<T>(request: KubeRequest): Promise<Outcome<T>> {
    const outcome = await this.#requests.request<T>(request);
    this.#count(verbOf(request), codeOf(outcome));
    return outcome;
  }

  async openWatch(
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    const outcome = await this.#requests.openWatch(path, query, deadline, signal);
    this.#count('watch', codeOf(outcome));
    return outcome;
  }

  close(): void {
    this.#requests.close();
  }
}

function verbOf({ method, query }: KubeRequest): string {
  if (method !== 'GET') return VERBS[method];
  return query?.limit === undefined ? 'get' : 'list';
}

function codeOf(outcome: Outcome<unknown>): string {
  if (outcome.kind === 'done') return '2xx';
  return outcome.kind === 'refused' ? String(outcome.status) : 'none';
}
