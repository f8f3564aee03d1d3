const apiPaths: Readonly<Record<string, string>> = {
  leases: '/apis/coordination.k8s.io/v1',
  'events.events.k8s.io': '/apis/events.k8s.io/v1',
};

/** The absolute path of `resource[/name...][?query]` in a namespace; the core group unless listed. */
export function collectionPath(namespace: string, path: string): string {
  const [resource = ''] = path.split(/[/?]/, 1);
  const plural = resource.split('.', 1)[0] ?? '';
  const rest = path.slice(resource.length);
  return `${apiPaths[resource] ?? '/api/v1'}/namespaces/${namespace}/${plural}${rest}`;
}
