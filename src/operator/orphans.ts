import type { Clock } from '../core/clock.ts';
import { ROLE_LABEL } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { renewedAtServer } from '../core/session-lease.ts';
import { collectLeases, listError } from '../kube/lease-list.ts';
import type { Requests } from '../kube/transport.ts';
import type { Reporter } from './report.ts';

const SILENT_MS = 3_600_000;
const SILENT_DURATIONS = 10;

/** Leases of others that name a holder which does not renew any more: reported once, never touched. */
export class Orphans {
  readonly #parts: {
    readonly requests: Requests;
    readonly clock: Clock;
    readonly namespaces: readonly (string | undefined)[];
    readonly report: Reporter;
  };
  /** Those that are known, with their last renewal. */
  #known = new Set<string>();

  constructor(parts: {
    requests: Requests;
    clock: Clock;
    namespaces: readonly (string | undefined)[];
    report: Reporter;
  }) {
    this.#parts = parts;
  }

  /** Sends one LIST for each namespace, in pages. */
  async look(signal: AbortSignal): Promise<void> {
    const { requests, clock, namespaces, report } = this.#parts;
    const known = new Set<string>();
    for (const namespace of namespaces) {
      const scope = { namespace, selector: `!${ROLE_LABEL}` };
      const listed = await collectLeases(requests, scope, held, signal);
      if (signal.aborted) return;
      if (listed.kind !== 'done') {
        const error = listError(listed, scope, ['list']);
        report({ type: 'failed', what: 'read the Leases of others', error });
        return;
      }
      const { leases, serverTime } = listed.body;
      for (const lease of leases) {
        if (!lease) continue;
        const silentMs = (serverTime ?? clock.wall()) - lease.renewedAt;
        if (silentMs <= Math.max(SILENT_MS, SILENT_DURATIONS * lease.durationMs)) continue;
        const key = `${lease.namespace}/${lease.name} ${lease.holder} ${String(lease.renewedAt)}`;
        known.add(key);
        if (this.#known.has(key)) continue;
        const { namespace: within, name, holder } = lease;
        report({ type: 'orphan', namespace: within, lease: name, holder, silentMs });
      }
    }
    this.#known = known;
  }
}

function held(lease: Lease):
  | {
      namespace: string;
      name: string;
      holder: string;
      durationMs: number;
      renewedAt: number;
    }
  | undefined {
  const { name, namespace = '' } = lease.metadata;
  const holder = lease.spec?.holderIdentity ?? '';
  const renewedAt = renewedAtServer(lease);
  if (holder === '' || renewedAt === undefined) return undefined;
  const durationMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1_000;
  return { namespace, name, holder, durationMs, renewedAt };
}
