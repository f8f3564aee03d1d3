import type { Transport } from './transport.ts';

interface SelfSubjectReview {
  readonly status?: { readonly userInfo?: { readonly username?: unknown } | null } | null;
}

const DEADLINE_MS = 3_000;

/** Who we are to the API server; undefined when it does not say. Sends one POST. */
export async function userName(transport: Transport): Promise<string | undefined> {
  const outcome = await transport.request<SelfSubjectReview>({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    deadline: DEADLINE_MS,
  });
  if (outcome.kind !== 'done') return undefined;
  const username = outcome.body.status?.userInfo?.username;
  return typeof username === 'string' ? username : undefined;
}
