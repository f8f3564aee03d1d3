import type { Cluster } from '../../client/cluster.ts';
import type { Finding, Level } from './finding.ts';

/** What one may do with Leases, and what that takes. */
interface Use {
  readonly name: string;
  readonly rules: readonly Rule[];
  /** When something of it is missing. */
  readonly level: Level;
}

interface Rule {
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
}

interface AccessReview {
  readonly status?: { readonly allowed?: boolean };
}

/** Whether a permission is there; undefined when the server does not say. */
type Allowed = (rule: Rule, verb: string) => boolean | undefined;

function leases(...verbs: string[]): Rule {
  return { group: 'coordination.k8s.io', resource: 'leases', verbs };
}

function core(resource: string, ...verbs: string[]): Rule {
  return { group: '', resource, verbs };
}

const USES: readonly Use[] = [
  {
    name: 'locks (exec)',
    rules: [leases('get', 'watch', 'create', 'update', 'patch', 'delete')],
    level: 'bad',
  },
  { name: 'elections (elect)', rules: [leases('get', 'watch', 'create', 'update')], level: 'bad' },
  { name: 'ls', rules: [leases('list')], level: 'warning' },
  {
    name: 'describe, watch',
    rules: [leases('list', 'watch'), core('events', 'list'), core('pods', 'get')],
    level: 'warning',
  },
  {
    name: 'release, revoke, resign',
    rules: [leases('get', 'list', 'update', 'patch', 'delete'), core('events', 'create')],
    level: 'info',
  },
  {
    name: 'operator',
    rules: [
      leases('get', 'list', 'watch', 'create', 'update', 'patch', 'delete'),
      core('pods', 'list', 'watch'),
      core('events', 'create', 'patch'),
      core('namespaces', 'get'),
    ],
    level: 'info',
  },
];

/** What is permitted, by use. Sends one POST for each verb and resource. */
export async function checkPermissions(cluster: Cluster): Promise<Finding[]> {
  const answers = new Map<string, boolean | undefined>();
  const rules = USES.flatMap((use) => use.rules);
  const asked = new Set(rules.flatMap((rule) => rule.verbs.map((verb) => keyOf(rule, verb))));
  await Promise.all(
    [...asked].map(async (key) => {
      answers.set(key, await review(cluster, key));
    }),
  );
  return judge((rule, verb) => answers.get(keyOf(rule, verb)), cluster.namespace);
}

/** Who can use either locks or elections lacks nothing that is surely needed. */
export function judge(allowed: Allowed, namespace: string): Finding[] {
  const isUsable = USES.some((use) => use.level === 'bad' && missingOf(use, allowed).length === 0);
  return USES.map((use) => judgeUse(use, allowed, namespace, isUsable));
}

function judgeUse(use: Use, allowed: Allowed, namespace: string, isUsable: boolean): Finding {
  const missing = missingOf(use, allowed);
  const base = { check: 'permission', data: { use: use.name, missing } };
  if (missing.length > 0) {
    return {
      ...base,
      level: use.level === 'bad' && isUsable ? 'warning' : use.level,
      message: `${use.name}: not permitted to ${missing.join(', ')}`,
      remedy: `add to a Role in namespace ${namespace}: ${use.rules.map(ruleText).join(', ')}`,
    };
  }
  const isKnown = use.rules.every((rule) =>
    rule.verbs.every((verb) => allowed(rule, verb) !== undefined),
  );
  return isKnown
    ? { ...base, level: 'good', message: `${use.name}: permitted` }
    : {
        ...base,
        level: 'info',
        message: `${use.name}: the server does not say whether it is permitted`,
      };
}

function missingOf({ rules }: Use, allowed: Allowed): string[] {
  return rules.flatMap((rule) =>
    rule.verbs
      .filter((verb) => allowed(rule, verb) === false)
      .map((verb) => `${verb} ${rule.resource}`),
  );
}

function ruleText({ group, resource, verbs }: Rule): string {
  const list = verbs.map((verb) => `"${verb}"`).join(', ');
  return `{ apiGroups: ["${group}"], resources: ["${resource}"], verbs: [${list}] }`;
}

function keyOf({ group, resource }: Rule, verb: string): string {
  return `${group}/${resource}/${verb}`;
}

async function review(
  { transport, namespace }: Cluster,
  key: string,
): Promise<boolean | undefined> {
  const [group = '', resource = '', verb = ''] = key.split('/');
  const outcome = await transport.request<AccessReview>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { namespace, group, resource, verb } },
    },
  });
  return outcome.kind === 'done' ? outcome.body.status?.allowed : undefined;
}
