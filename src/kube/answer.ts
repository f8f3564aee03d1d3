import type { IncomingHttpHeaders } from 'node:http';
import type { Outcome, Refused } from './outcome.ts';

interface StatusBody {
  kind?: unknown;
  message?: unknown;
  reason?: unknown;
  details?: { causes?: unknown } | null;
}

/** What is told to people; that of the guard is shorter. */
const MOST_MESSAGE_CHARACTERS = 4_096;
/** API servers ask for a few seconds; what asks for a day is none, or would cost every session. */
const MOST_RETRY_AFTER_MS = 60_000;

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
    const serverTime = Number.isNaN(date) ? undefined : date;
    return { kind: 'done', body: body as T, status, serverTime };
  }
  const answer = isObject(body) ? (body as StatusBody) : {};
  const isStatus = answer.kind === 'Status';
  if (status === 429 || (status >= 400 && status < 500 && isStatus)) {
    return {
      kind: 'refused',
      status,
      reason: typeof answer.reason === 'string' ? answer.reason : '',
      message: messageOf(answer) ?? bytes.toString('utf8', 0, 200),
      causes: causesOf(answer),
      retryAfter,
    };
  }
  const what = isStatus
    ? (messageOf(answer) ?? 'without a message')
    : `an answer that is not of a Kubernetes API server: ${bytes.toString('utf8', 0, 100).trim()}`;
  return {
    kind: 'unknown',
    sent: true,
    status,
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

function messageOf({ message }: StatusBody): string | undefined {
  return typeof message === 'string' ? message.slice(0, MOST_MESSAGE_CHARACTERS) : undefined;
}

function causesOf({ details }: StatusBody): Refused['causes'] {
  return Array.isArray(details?.causes) ? details.causes.filter(isObject) : [];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Milliseconds; the API server gives whole seconds, never a date. None is no pause at all. */
function retryAfterOf(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['retry-after'] ?? '';
  if (!/^[0-9]+$/.test(text) || Number(text) === 0) return undefined;
  return Math.min(MOST_RETRY_AFTER_MS, Number(text) * 1_000);
}
