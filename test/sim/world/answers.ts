import type { Lease } from '../../../src/core/lease.ts';
import type { Done, Refused, Unknown } from '../../../src/kube/outcome.ts';

export function done<T>(body: T, wall: number): Done<T> {
  return { kind: 'done', body, serverTime: Math.floor(wall / 1_000) * 1_000 };
}

export function refused(
  status: number,
  reason: string,
  message: string,
  causes: Refused['causes'] = [],
  retryAfter?: number,
): Refused {
  return { kind: 'refused', status, reason, message, causes, retryAfter };
}

export function unknown(message: string, sent = true): Unknown {
  return { kind: 'unknown', sent, error: new Error(message), retryAfter: undefined };
}

export function notFound(name: string): Refused {
  return refused(404, 'NotFound', `leases.coordination.k8s.io "${name}" not found`);
}

export function conflict(name: string, why: string): Refused {
  return refused(409, 'Conflict', `Operation cannot be fulfilled on leases "${name}": ${why}`);
}

const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** What the API server refuses to store. */
export function invalid(lease: Lease): Refused | undefined {
  const { acquireTime, renewTime, leaseDurationSeconds: seconds } = lease.spec ?? {};
  for (const time of [acquireTime, renewTime]) {
    if (time !== undefined && time !== null && !MICRO_TIME.test(time)) {
      return refused(400, 'BadRequest', `cannot parse ${time} as MicroTime`);
    }
  }
  const whole = seconds === undefined || seconds === null || Number.isInteger(seconds);
  if (!whole || (typeof seconds === 'number' && (seconds < 1 || seconds > 2_147_483_647))) {
    return refused(422, 'Invalid', 'spec.leaseDurationSeconds: Invalid value');
  }
  let bytes = 0;
  for (const [key, value] of Object.entries(lease.metadata.annotations ?? {})) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > 262_144) return refused(422, 'Invalid', 'metadata.annotations: Too long');
  return undefined;
}
