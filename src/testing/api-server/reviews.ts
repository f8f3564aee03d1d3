import { randomUuid } from './context.ts';
import type { Context } from './context.ts';
import { formatTime } from './go-time.ts';
import { isJsonObject, objectAt, textAt } from './object.ts';
import type { Json } from './object.ts';
import { storageResource } from './resources.ts';
import type { Call, Result } from './request.ts';
import { badRequest, conflict, invalid, methodNotAllowed, notFound } from './status.ts';
import type { PodBinding, Tokens } from './tokens.ts';
import { invalidValue } from './validation.ts';

const DEFAULT_TOKEN_SECONDS = 3_600;

/** Questions that are asked by POST and not stored: who am I, may I, a token please. */
export function review(context: Context, tokens: Tokens, call: Call): Result | undefined {
  const match = /^\/apis\/(authorization|authentication)\.k8s\.io\/v1\/(selfsubject[a-z]+)$/.exec(
    call.path,
  );
  if (match) return answerReview(match[2] ?? '', call, context);
  const account = /^\/api\/v1\/namespaces\/([^/]+)\/serviceaccounts\/([^/]+)\/token$/.exec(
    call.path,
  );
  if (!account) return undefined;
  if (call.method !== 'POST') throw methodNotAllowed();
  return tokenRequest(context, tokens, account[1] ?? '', account[2] ?? '', parse(call.body));
}

function parse(body: string): Json {
  try {
    const value: unknown = JSON.parse(body);
    if (isJsonObject(value)) return value;
  } catch {
    // Told below.
  }
  throw badRequest('the body of the request is no JSON object');
}

function answerReview(plural: string, call: Call, { clock }: Context): Result | undefined {
  const answer = (kind: string, group: string, rest: object): Result => ({
    status: 201,
    body: { kind, apiVersion: `${group}.k8s.io/v1`, metadata: {}, ...rest },
  });
  if (call.method !== 'POST') throw methodNotAllowed();
  const { spec } = parse(call.body);
  switch (plural) {
    case 'selfsubjectaccessreviews':
      checkAttributes(isJsonObject(spec) ? spec : {});
      return answer('SelfSubjectAccessReview', 'authorization', {
        spec,
        status: { allowed: true },
      });
    case 'selfsubjectrulesreviews':
      return answer('SelfSubjectRulesReview', 'authorization', {
        spec: {},
        status: {
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
          nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
          incomplete: false,
        },
      });
    case 'selfsubjectreviews':
      return answer('SelfSubjectReview', 'authentication', {
        metadata: { creationTimestamp: formatTime(clock.wall()) },
        status: { userInfo: call.user },
      });
    default:
      return undefined;
  }
}

function checkAttributes(spec: Json): void {
  if ((spec.resourceAttributes === undefined) !== (spec.nonResourceAttributes === undefined)) {
    return;
  }
  const names = { group: 'authorization.k8s.io', plural: '', kind: '' };
  const given = spec.resourceAttributes ?? null;
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  throw invalid(names, '', [invalidValue('spec.resourceAttributes', given, why)]);
}

function tokenRequest(
  { store, clock, random }: Context,
  tokens: Tokens,
  namespace: string,
  name: string,
  request: Json,
): Result {
  const account = store.get('serviceaccounts', `${namespace}/${name}`);
  if (!account) throw notFound(storageResource('serviceaccounts'), name);
  const spec = objectAt(request, 'spec');
  const { expirationSeconds } = spec;
  const seconds = typeof expirationSeconds === 'number' ? expirationSeconds : DEFAULT_TOKEN_SECONDS;
  let binding: PodBinding = {
    namespace,
    serviceAccount: { name, uid: account.metadata.uid ?? '' },
  };
  if (textAt(spec, 'boundObjectRef', 'kind') === 'Pod') {
    const podName = textAt(spec, 'boundObjectRef', 'name');
    const pod = store.get('pods', `${namespace}/${podName}`);
    if (!pod) throw notFound(storageResource('pods'), podName);
    const { uid = '' } = pod.metadata;
    const wanted = textAt(spec, 'boundObjectRef', 'uid');
    if (wanted !== '' && wanted !== uid) {
      const why = `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`;
      throw conflict(storageResource('pods'), podName, why);
    }
    const node = textAt(pod, 'spec', 'nodeName');
    binding = {
      ...binding,
      pod: { name: podName, uid },
      ...(node === '' ? {} : { node: { name: node } }),
    };
  }
  const now = clock.wall();
  return {
    status: 201,
    body: {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, creationTimestamp: formatTime(now) },
      spec: { ...spec, expirationSeconds: seconds },
      status: {
        token: tokens.ofPod(binding, now, seconds, randomUuid(random)),
        expirationTimestamp: formatTime(now + seconds * 1_000),
      },
    },
  };
}
