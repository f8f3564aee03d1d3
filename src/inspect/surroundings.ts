import type { Transport } from '../kube/transport.ts';
import type { EventView } from './views.ts';

/**
 * What is known of a Lease beyond the Leases. It is told where it may be read, and costs no more than
 * a moment: nobody on call should wait for it.
 */

const DEADLINE_MS = 3_000;
const MOST_EVENTS = 100;

interface KubernetesEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string } | null;
  readonly source?: { readonly component?: string };
  readonly reportingComponent?: string;
}

/**
 * The last Events about a Lease, the latest last; undefined when they cannot be read. Sends one GET;
 * needs `list` on events.
 */
export async function eventsOf(
  transport: Transport,
  namespace: string,
  lease: string,
  most: number,
): Promise<EventView[] | undefined> {
  const outcome = await transport.request<{ readonly items?: readonly KubernetesEvent[] }>({
    method: 'GET',
    path: `/api/v1/namespaces/${namespace}/events`,
    query: {
      fieldSelector: `involvedObject.kind=Lease,involvedObject.name=${lease}`,
      limit: String(MOST_EVENTS),
    },
    deadline: DEADLINE_MS,
  });
  if (outcome.kind !== 'done') return undefined;
  const events = (outcome.body.items ?? []).map(eventView);
  return events.sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1)).slice(-most);
}

function eventView(event: KubernetesEvent): EventView {
  const { series, lastTimestamp, eventTime, firstTimestamp } = event;
  const time = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp;
  const moment = Date.parse(time ?? '');
  return {
    time: Number.isNaN(moment) ? null : new Date(moment).toISOString(),
    type: event.type ?? '',
    reason: event.reason ?? '',
    message: event.message ?? '',
    count: series?.count ?? event.count ?? 1,
    source: event.reportingComponent || event.source?.component || '',
  };
}

/**
 * The nodes of Pods, of those that can be read. Sends one GET for each Pod; needs `get` on pods.
 */
export async function nodesOf(
  transport: Transport,
  namespace: string,
  pods: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const nodes = new Map<string, string>();
  await Promise.all(
    pods.map(async (pod) => {
      const outcome = await transport.request<{ readonly spec?: { readonly nodeName?: string } }>({
        method: 'GET',
        path: `/api/v1/namespaces/${namespace}/pods/${pod}`,
        deadline: DEADLINE_MS,
      });
      const node = outcome.kind === 'done' ? outcome.body.spec?.nodeName : undefined;
      if (node !== undefined) nodes.set(pod, node);
    }),
  );
  return nodes;
}
