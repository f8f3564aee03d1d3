import { readAnswer } from '../../kube/answer.ts';
import type { Outcome } from '../../kube/outcome.ts';
import type { KubeRequest } from '../../kube/transport.ts';
import type { ApiHandler } from '../api-server/handler.ts';
import type { ApiAnswer } from '../api-server/request.ts';

/** What an API server in the same process answers to one user, without a network. */
export class DirectAnswers {
  readonly #handler: ApiHandler;
  readonly #token: string;

  constructor(handler: ApiHandler, token: string) {
    this.#handler = handler;
    this.#token = token;
  }

  request<T>({ method, path, query, body, contentType }: KubeRequest): Outcome<T> {
    const answer = this.#handler.handle({
      method,
      url: `${path}?${new URLSearchParams({ ...query }).toString()}`,
      headers: this.#headers(contentType),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return outcomeOf<T>(answer);
  }

  /** @param follow - makes the stream of a watch that was opened */
  watch<T>(
    path: string,
    query: Readonly<Record<string, string>>,
    follow: (answer: Extract<ApiAnswer, { open: unknown }>) => Outcome<T>,
  ): Outcome<T> {
    const url = `${path}?${new URLSearchParams(query).toString()}`;
    const answer = this.#handler.handle({ method: 'GET', url, headers: this.#headers() });
    return 'open' in answer ? follow(answer) : outcomeOf<T>(answer);
  }

  #headers(contentType = 'application/json'): Record<string, string> {
    return {
      accept: 'application/json',
      authorization: `Bearer ${this.#token}`,
      'content-type': contentType,
      'user-agent': 'leasehold',
    };
  }
}

function outcomeOf<T>(answer: ApiAnswer): Outcome<T> {
  const body = 'body' in answer ? answer.body : '';
  return readAnswer<T>(answer.status, { date: String(answer.headers.date) }, Buffer.from(body));
}
