import { Agent } from 'node:https';
import type { ApiServer } from '../../src/testing/index.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import type { Case } from './case.ts';
import { Conversation } from './conversation.ts';
import type { ApiObject } from './objects.ts';
import type { Step } from './transcript.ts';

type RemoveNamespace = (api: Conversation) => Promise<void>;

/** One of the two servers that are compared. */
export class Server {
  readonly #url: string;
  readonly #token: string;
  readonly #agent: Agent;
  readonly #removeNamespace: RemoveNamespace;

  constructor(options: {
    readonly url: string;
    readonly ca: string;
    readonly token: string;
    readonly removeNamespace: RemoveNamespace;
  }) {
    this.#url = options.url;
    this.#token = options.token;
    this.#agent = new Agent({ ca: options.ca, keepAlive: true });
    this.#removeNamespace = options.removeNamespace;
  }

  static real(cluster: ClusterAccess): Server {
    return new Server({
      url: cluster.url,
      ca: cluster.ca,
      token: cluster.adminToken,
      // No controller empties a namespace there.
      removeNamespace: async ({ namespace }) => cluster.deleteNamespace(namespace),
    });
  }

  static embedded(server: ApiServer): Server {
    const { url, ca, adminToken: token } = server;
    return new Server({
      url,
      ca,
      token,
      removeNamespace: async (api) => {
        await api.delete(`/api/v1/namespaces/${api.namespace}`);
      },
    });
  }

  /** Runs the case in a namespace of that name, and removes the namespace. */
  async run(conformance: Case, namespace: string): Promise<readonly Step[]> {
    const endpoint = { url: this.#url, token: this.#token, agent: this.#agent };
    const setup = new Conversation(endpoint, namespace);
    await setup.post('/api/v1/namespaces', { metadata: { name: namespace } });
    const conversation = new Conversation(endpoint, namespace);
    try {
      await conformance.run(conversation);
    } finally {
      conversation.close();
      await removeContents(setup);
      await this.#removeNamespace(setup);
    }
    return conversation.steps;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What would outlive the namespace where no controller empties it. */
async function removeContents(api: Conversation): Promise<void> {
  const { body } = await api.get('leases');
  for (const { metadata } of body.items as ApiObject[]) {
    if (metadata.finalizers !== undefined) {
      await api.mergePatch(`leases/${metadata.name}`, { metadata: { finalizers: null } });
    }
  }
  await api.delete('services');
  await api.delete('events');
}
