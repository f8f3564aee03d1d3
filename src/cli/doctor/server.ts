import type { Cluster } from '../../client/cluster.ts';
import type { Done, Outcome, Refused, Unknown } from '../../kube/outcome.ts';
import { errorOf } from '../../kube/status-error.ts';
import type { Finding } from './finding.ts';

interface VersionInfo {
  readonly major?: string;
  readonly minor?: string;
  readonly gitVersion?: string;
}

interface SelfReview {
  readonly status?: { readonly userInfo?: { readonly username?: string } };
}

/** From this version on it is specified that resourceVersions can be compared. */
const COMPARABLE_SINCE = 35;
/** Older ones are out of support everywhere, and leasehold was never tried on them. */
const OLDEST_MINOR = 28;
/** The `Date` header has whole seconds. */
const DATE_RESOLUTION_MS = 1_000;

/** An answer of the server, and when it was asked for and had, by the clock of this machine. */
export interface Reached {
  readonly answer: Done<VersionInfo>;
  readonly asked: number;
  readonly answered: number;
}

/** Whether the server answers at all. Sends one GET. */
export async function reach({ transport, access }: Cluster): Promise<Reached | Finding> {
  const asked = Date.now();
  const outcome = await transport.request<VersionInfo>({ method: 'GET', path: '/version' });
  const answered = Date.now();
  if (outcome.kind === 'done') return { answer: outcome, asked, answered };
  if (outcome.kind === 'refused') {
    if (outcome.status === 401) return unauthenticated(outcome);
    // It is there, and keeps its version to itself.
    const answer: Done<VersionInfo> = { kind: 'done', body: {}, serverTime: undefined };
    return { answer, asked, answered };
  }
  return {
    check: 'reachable',
    level: 'bad',
    message: errorOf(outcome, `reach ${access.server}`).message,
    remedy: 'check DNS, the network policies and the proxy between here and there',
  };
}

export function checkVersion({ answer }: Reached): Finding {
  const { major, minor, gitVersion } = answer.body;
  const number = Number.parseInt(minor ?? '');
  const base = {
    check: 'version',
    data: { gitVersion: gitVersion ?? null },
  };
  const name = `Kubernetes ${gitVersion ?? `${major ?? '?'}.${minor ?? '?'}`}`;
  if (gitVersion === undefined && major === undefined) {
    return { ...base, level: 'info', message: 'the server does not tell its version' };
  }
  if (major !== '1' || Number.isNaN(number)) {
    return {
      ...base,
      level: 'warning',
      message: `${name} is no version that leasehold knows`,
      remedy: `use Kubernetes 1.${String(OLDEST_MINOR)} or later, or try your locks on it before you rely on them`,
    };
  }
  if (number < OLDEST_MINOR) {
    return {
      ...base,
      level: 'warning',
      message: `${name} is older than what leasehold was tried on`,
      remedy: `use Kubernetes 1.${String(OLDEST_MINOR)} or later`,
    };
  }
  if (number < COMPARABLE_SINCE) {
    return {
      ...base,
      level: 'info',
      message: `${name}: fencing tokens are made of resourceVersions, whose order Kubernetes promises from 1.${String(COMPARABLE_SINCE)} on; before that it holds wherever etcd is the storage`,
      remedy: `nothing where etcd is the storage; else use Kubernetes 1.${String(COMPARABLE_SINCE)} or later`,
    };
  }
  return { ...base, level: 'good', message: name };
}

/** This machine's clock against the server's. */
export function checkClock({ answer, asked, answered }: Reached): Finding {
  const base = { check: 'clock' };
  const { serverTime } = answer;
  if (serverTime === undefined) {
    return { ...base, level: 'info', message: 'the server does not tell its time' };
  }
  // The server's clock showed a moment of that second while this one went from asked to answered.
  const ahead = asked - (serverTime + DATE_RESOLUTION_MS);
  const behind = serverTime - answered;
  const offMs = Math.max(0, ahead, behind);
  const seconds = (offMs / 1_000).toFixed(1);
  const data = { offAtLeastSeconds: offMs / 1_000 };
  if (offMs <= DATE_RESOLUTION_MS) {
    return {
      ...base,
      level: 'good',
      message:
        "this machine's clock agrees with the server's to a second (locks do not depend on it)",
      data,
    };
  }
  return {
    ...base,
    level: 'warning',
    message: `this machine's clock is ${seconds}s or more ${ahead > behind ? 'ahead of' : 'behind'} the server's. Locks do not depend on it: each process counts on its own monotonic clock. But times that it writes for people are off, and tokens and certificates may be refused`,
    remedy: 'synchronise the clocks (chrony, systemd-timesyncd)',
    data,
  };
}

/** Who the server takes us for. Sends one POST. */
export async function checkIdentity({ transport }: Cluster): Promise<Finding> {
  const outcome: Outcome<SelfReview> = await transport.request<SelfReview>({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  });
  const base = { check: 'identity' };
  if (outcome.kind === 'done') {
    const user = outcome.body.status?.userInfo?.username ?? '';
    return { ...base, level: 'good', message: `authenticated as ${user}`, data: { user } };
  }
  if (outcome.kind === 'refused' && outcome.status !== 401) {
    return { ...base, level: 'info', message: 'the server does not tell whom it takes us for' };
  }
  return unauthenticated(outcome);
}

function unauthenticated(outcome: Refused | Unknown): Finding {
  return {
    check: 'identity',
    level: 'bad',
    message: errorOf(outcome, 'authenticate').message,
    remedy: 'renew the credentials: token, certificate or exec plugin',
  };
}
