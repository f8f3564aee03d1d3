import type { ClusterAccess } from '../../test/cluster/access.ts';
import type { Transport } from './transport.ts';

interface Lease {
  metadata: { name: string; uid: string; resourceVersion: string };
  spec: { holderIdentity: string; renewTime: string };
}

/** A Lease that one writer renews; the holder carries the sequence number of the write. */
export class BenchLease {
  readonly path: string;
  readonly watchPath: string;
  #current: Lease;

  private constructor(collection: string, created: Lease) {
    const { name, resourceVersion } = created.metadata;
    this.path = `${collection}/${name}`;
    this.watchPath =
      `${collection}?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%3D${name}` +
      `&resourceVersion=${resourceVersion}`;
    this.#current = created;
  }

  static async create(
    cluster: ClusterAccess,
    namespace: string,
    name: string,
  ): Promise<BenchLease> {
    const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const created = await cluster.client.expect<Lease>('POST', collection, {
      metadata: { name },
      spec: { holderIdentity: '0', leaseDurationSeconds: 15, renewTime: microTime() },
    });
    return new BenchLease(collection, created);
  }

  async renew(transport: Transport, sequence: number): Promise<void> {
    const next = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: this.#current.metadata,
      spec: { ...this.#current.spec, holderIdentity: String(sequence), renewTime: microTime() },
    };
    this.#current = JSON.parse(await transport.put(this.path, JSON.stringify(next))) as Lease;
  }
}

/** The sequence number in an event, or undefined for a bookmark or what came before the first write. */
export function sequenceOf(line: string): number | undefined {
  const event = JSON.parse(line) as { type: string; object: Lease };
  return event.type === 'MODIFIED' ? Number(event.object.spec.holderIdentity) : undefined;
}

function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
