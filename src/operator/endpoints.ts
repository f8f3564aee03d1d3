import { collect } from '../kube/collection.ts';
import type { Listable } from '../kube/collection.ts';
import type { Outcome } from '../kube/outcome.ts';
import type { Requests } from '../kube/transport.ts';
import { LEADER_LABEL } from './observed-pod.ts';

interface Service extends Listable {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
  readonly spec?: { readonly selector?: Readonly<Record<string, string>> };
}

interface Endpoint {
  readonly conditions?: { readonly ready?: boolean | null; readonly serving?: boolean | null };
  readonly targetRef?: { readonly uid?: string };
}

interface EndpointSlice extends Listable {
  readonly endpoints?: readonly Endpoint[] | null;
}

/**
 * Whether nobody is turned away when the Pod `from` loses the label: no Service that selects by this
 * value still leads to it, or each of those leads to the Pod `to`, too. Sends a list of the Services,
 * and one of the EndpointSlices of each that selects by the label.
 *
 * @param value - of the label
 * @param from - the uid of the Pod that leads no more
 * @param to - the uid of the Pod that leads
 */
export async function haveMoved(
  requests: Requests,
  namespace: string,
  { value, from, to }: { value: string; from: string; to: string },
  signal: AbortSignal,
): Promise<Outcome<boolean>> {
  const services = await collect(
    requests,
    { path: `/api/v1/namespaces/${namespace}/services` },
    (item) => {
      const { metadata, spec } = item as Service;
      return spec?.selector?.[LEADER_LABEL] === value ? metadata.name : undefined;
    },
    signal,
  );
  if (services.kind !== 'done') return services;
  for (const service of services.body.items) {
    if (service === undefined) continue;
    const slices = await collect(
      requests,
      {
        path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
        selector: `kubernetes.io/service-name=${service}`,
      },
      endpointsOf,
      signal,
    );
    if (slices.kind !== 'done') return slices;
    const endpoints = slices.body.items.flat();
    const isServed = endpoints.some((one) => one.targetRef?.uid === from && isServing(one));
    const isReached = endpoints.some((one) => one.targetRef?.uid === to && isReady(one));
    if (isServed && !isReached) return { ...slices, body: false };
  }
  return { ...services, body: true };
}

/** @throws Error when they are none */
function endpointsOf(item: Listable): readonly Endpoint[] {
  const { endpoints } = item as EndpointSlice;
  const found: unknown = endpoints ?? [];
  if (Array.isArray(found) && found.every((one) => typeof one === 'object' && one !== null)) {
    return found as Endpoint[];
  }
  throw new Error('the endpoints of a slice are no list');
}

/** What is not known counts as so, as the API has it. */
function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready ?? true;
}

/** A Pod that is being deleted is not ready any more, but serves as long as there is no other. */
function isServing(endpoint: Endpoint): boolean {
  return endpoint.conditions?.serving ?? isReady(endpoint);
}
