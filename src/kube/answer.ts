import type { IncomingHttpHeaders } from 'node:http';
import type { Outcome, Refused } from './outcome.ts';

interface StatusBody {
  kind?: unknown;
  message?: unknown;
  reason?: unknown;
  details?: { causes?: Refused['causes']; retryAfterSeconds?: number };
}

/**
 * What an HTTP answer says about its request.
 *
 * Only what the API server itself says counts as refused: a 404 made by a proxy must not pass for
 * a missing Lease. Its own refusals are `Status` objects, with the exception of 429.
 */
export function readAnswer<T>(
  status: number,
  headers: IncomingHttpHeaders,
  bytes: Buffer,
): Outcome<T> {
  const retryAfter = retryAfterOf(headers);
  const body = parse(bytes);
  if (status >= 200 && status < 300 && isObject(body)) {
    const date = Date.parse(headers.date ?? '');
    return { kind: 'done', body: body as T, serverTime: Number.isNaN(date) ? undefined : date };
  }
  const answer = isObject(body) ? (body as StatusBody) : {};
  const isStatus = answer.kind === 'Status';
  if (status === 429 || (status >= 400 && status < 500 && isStatus)) {
    return {
      kind: 'refused',
      status,
      reason: typeof answer.reason === 'string' ? answer.reason : '',
      message: typeof answer.message === 'string' ? answer.message : bytes.toString('utf8', 0, 200),
      causes: Array.isArray(answer.details?.causes) ? answer.details.causes : [],
      retryAfter,
    };
  }
  const what = isStatus
    ? String(answer.message)
    : `an answer that is not of a Kubernetes API server: ${bytes.toString('utf8', 0, 100).trim()}`;
  return {
    kind: 'unknown',
    sent: true,
    error: new Error(`HTTP ${String(status)}, ${what}`),
    retryAfter,
  };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Milliseconds; the API server gives whole seconds, never a date. */
function retryAfterOf(headers: IncomingHttpHeaders): number | undefined {
  const seconds = Number(headers['retry-after']);
  return Number.isFinite(seconds) && seconds >= 0 && headers['retry-after'] !== undefined
    ? seconds * 1_000
    : undefined;
}
