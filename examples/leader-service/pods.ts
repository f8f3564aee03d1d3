import type { ApiServer } from '../../src/testing/index.ts';

const PODS = '/api/v1/namespaces/default/pods';

/** The Pods of the example, in an API server that runs nothing in them. */
export class Pods {
  readonly #server: ApiServer;

  constructor(server: ApiServer) {
    this.#server = server;
  }

  /** Creates one, and returns the text of a kubeconfig with the token that a kubelet would mount in it. */
  create(name: string): string {
    this.#request('POST', PODS, {
      metadata: { name, labels: { app: 'tickets' } },
      spec: { nodeName: 'here', containers: [{ name: 'main', image: 'example.invalid/tickets' }] },
    });
    const token = this.#server.token({ pod: { namespace: 'default', name } });
    return this.#server.kubeconfig({ token });
  }

  /** Whom a Service with this selector has for endpoints. */
  selected(selector: string): string[] {
    const url = `${PODS}?labelSelector=${encodeURIComponent(selector)}`;
    const { items } = this.#request('GET', url) as { items: { metadata: { name: string } }[] };
    return items.map(({ metadata }) => metadata.name);
  }

  #request(method: string, url: string, body?: object): unknown {
    const { adminToken, handler } = this.#server;
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
    const text = body === undefined ? '' : JSON.stringify(body);
    const answer = handler.handle({ method, url, headers, body: text });
    if (answer.status >= 400 || !('body' in answer)) {
      throw new Error(`${method} ${url} was answered with ${String(answer.status)}`);
    }
    return JSON.parse(answer.body);
  }
}
